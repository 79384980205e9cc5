#include "dns/forward/query_table.h"

namespace meshgate::dns::forward {

QueryTable::QueryTable(std::size_t slots_max) : slots_max_(slots_max), queries_(1) {}

std::optional<std::uint32_t> QueryTable::take(std::span<const std::uint8_t> message) {
    const bool large = message.size() > Query::small_bytes;
    if (in_use_ >= slots_max_ || (large && large_in_use_ >= large_max)) return std::nullopt;
    if (free_.empty()) {
        queries_.emplace_back();
        free_.reserve(queries_.capacity());  // release() must not throw
        free_.push_back(static_cast<std::uint32_t>(queries_.size() - 1));
    }
    const std::uint32_t slot = free_.back();
    Query& query = queries_[slot];
    query.message.assign(message.begin(), message.end());
    free_.pop_back();
    ++query.generation;
    query.used = true;
    query.hedge_before = query.hedge_after = slot;
    query.expiry_before = query.expiry_after = slot;
    ++in_use_;
    if (large) ++large_in_use_;
    return slot;
}

void QueryTable::release(std::uint32_t slot) noexcept {
    unlink(hedge, slot);
    unlink(expiry, slot);
    Query& query = queries_[slot];
    ++query.generation;
    query.used = false;
    query.route.reset();
    query.servers = nullptr;
    if (query.message.size() > Query::small_bytes) --large_in_use_;
    // What was large once must not stay so in every slot.
    for (auto* bytes : {&query.message, &query.fallback}) {
        if (bytes->capacity() > Query::small_bytes) *bytes = std::vector<std::uint8_t>{};
    }
    free_.push_back(slot);
    --in_use_;
}

Query* QueryTable::find(QueryRef ref) noexcept {
    if (ref.slot == 0 || ref.slot >= queries_.size()) return nullptr;
    Query& query = queries_[ref.slot];
    return query.used && query.generation == ref.generation ? &query : nullptr;
}

void QueryTable::append(const Links& links, std::uint32_t slot) noexcept {
    const std::uint32_t last = queries_[0].*links.before;
    queries_[slot].*links.before = last;
    queries_[slot].*links.after = 0;
    queries_[last].*links.after = slot;
    queries_[0].*links.before = slot;
}

void QueryTable::unlink(const Links& links, std::uint32_t slot) noexcept {
    const std::uint32_t before = queries_[slot].*links.before;
    const std::uint32_t after = queries_[slot].*links.after;
    queries_[before].*links.after = after;
    queries_[after].*links.before = before;
    queries_[slot].*links.before = queries_[slot].*links.after = slot;
}

std::optional<std::uint32_t> QueryTable::first(const Links& links) const noexcept {
    const std::uint32_t slot = queries_[0].*links.after;
    return slot == 0 ? std::nullopt : std::optional{slot};
}

void QueryTable::schedule_expiry(std::uint32_t slot, Clock::time_point at) noexcept {
    queries_[slot].expires = at;
    append(expiry, slot);
}

void QueryTable::schedule_next_try(std::uint32_t slot, Clock::time_point at) noexcept {
    queries_[slot].next_try = at;
    unlink(hedge, slot);
    append(hedge, slot);
}

std::optional<std::uint32_t> QueryTable::first_expiry() const noexcept {
    return first(expiry);
}
std::optional<std::uint32_t> QueryTable::first_next_try() const noexcept {
    return first(hedge);
}

std::optional<std::uint32_t> QueryTable::next_expiry(std::uint32_t slot) const noexcept {
    const std::uint32_t next = queries_[slot].expiry_after;
    return next == 0 ? std::nullopt : std::optional{next};
}

}  // namespace meshgate::dns::forward
