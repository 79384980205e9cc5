#include "dns/forward/query_table.h"

namespace meshgate::dns::forward {

QueryTable::QueryTable(std::size_t slots_max) : slots_max_(slots_max), queries_(heads) {
    queries_[1].hedge_before = queries_[1].hedge_after = 1;
}

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
    query.large = large;
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
    if (query.large) --large_in_use_;
    // What was large once must not stay so in every slot.
    for (auto* bytes : {&query.message, &query.fallback}) {
        if (bytes->capacity() > Query::small_bytes) *bytes = std::vector<std::uint8_t>{};
    }
    free_.push_back(slot);
    --in_use_;
}

Query* QueryTable::find(QueryRef ref) noexcept {
    if (ref.slot < heads || ref.slot >= queries_.size()) return nullptr;
    Query& query = queries_[ref.slot];
    return query.used && query.generation == ref.generation ? &query : nullptr;
}

void QueryTable::append(const Links& links, std::uint32_t head, std::uint32_t slot) noexcept {
    const std::uint32_t last = queries_[head].*links.before;
    queries_[slot].*links.before = last;
    queries_[slot].*links.after = head;
    queries_[last].*links.after = slot;
    queries_[head].*links.before = slot;
}

void QueryTable::unlink(const Links& links, std::uint32_t slot) noexcept {
    const std::uint32_t before = queries_[slot].*links.before;
    const std::uint32_t after = queries_[slot].*links.after;
    queries_[before].*links.after = after;
    queries_[after].*links.before = before;
    queries_[slot].*links.before = queries_[slot].*links.after = slot;
}

std::optional<std::uint32_t> QueryTable::first(const Links& links,
                                               std::uint32_t head) const noexcept {
    const std::uint32_t slot = queries_[head].*links.after;
    return slot == head ? std::nullopt : std::optional{slot};
}

void QueryTable::schedule_expiry(std::uint32_t slot, Clock::time_point at) noexcept {
    queries_[slot].expires = at;
    append(expiry, 0, slot);
}

void QueryTable::schedule_next_try(std::uint32_t slot, Clock::time_point at, Wait wait) noexcept {
    queries_[slot].next_try = at;
    unlink(hedge, slot);
    append(hedge, static_cast<std::uint32_t>(wait), slot);
}

std::optional<std::uint32_t> QueryTable::first_expiry() const noexcept {
    return first(expiry, 0);
}
std::optional<std::uint32_t> QueryTable::first_next_try() const noexcept {
    const auto half = first(hedge, 0), whole = first(hedge, 1);
    if (!half || !whole) return half ? half : whole;
    return queries_[*half].next_try <= queries_[*whole].next_try ? half : whole;
}

std::optional<std::uint32_t> QueryTable::next_expiry(std::uint32_t slot) const noexcept {
    const std::uint32_t next = queries_[slot].expiry_after;
    return next == 0 ? std::nullopt : std::optional{next};
}

}  // namespace meshgate::dns::forward
