#include "dns/forward/pending.h"

#include "dns/wire/bytes.h"
#include "dns/wire/reply.h"

#include <algorithm>

namespace meshgate::dns::forward {

std::uint16_t Pending::unused_id(Random& random) const noexcept {
    for (;;) {
        const std::uint16_t id = random.next16();
        const auto taken = [id](const Entry& entry) { return entry.id == id; };
        if (std::none_of(entries_.begin(), entries_.end(), taken)) return id;
    }
}

std::optional<std::size_t> Pending::find(std::span<const std::uint8_t> reply,
                                         ExchangeEvents& events,
                                         wire::Letters letters) const noexcept {
    if (reply.size() < wire::header_bytes) return std::nullopt;
    const std::uint16_t id = wire::read16(reply, 0);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].id != id) continue;
        const auto sent = events.message_of(entries_[i].query);
        if (sent.empty()) return i;
        wire::write16(sent, 0, id);  // another attempt may have put its own there
        if (!wire::matches(reply, sent, letters)) return std::nullopt;
        return i;
    }
    return std::nullopt;
}

std::optional<Pending::Entry> Pending::take(std::span<const std::uint8_t> reply,
                                            ExchangeEvents& events,
                                            wire::Letters letters) noexcept {
    const auto index = find(reply, events, letters);
    if (!index) return std::nullopt;
    return take_at(*index);
}

std::optional<QueryRef> Pending::query_of(std::span<const std::uint8_t> reply,
                                          ExchangeEvents& events) const noexcept {
    const auto index = find(reply, events, wire::Letters::any_case);
    if (!index) return std::nullopt;
    return entries_[*index].query;
}

std::optional<Pending::Entry> Pending::take_any() noexcept {
    if (entries_.empty()) return std::nullopt;
    return take_at(entries_.size() - 1);
}

std::optional<Pending::Entry> Pending::take_query(QueryRef query) noexcept {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].query == query) return take_at(i);
    }
    return std::nullopt;
}

std::optional<Pending::Entry> Pending::take_same(const Entry& entry) noexcept {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].id == entry.id && entries_[i].query == entry.query) return take_at(i);
    }
    return std::nullopt;
}

bool Pending::has(QueryRef query) const noexcept {
    return std::any_of(entries_.begin(), entries_.end(),
                       [query](const Entry& entry) { return entry.query == query; });
}

void Pending::detach(QueryRef query) noexcept {
    for (Entry& entry : entries_) {
        if (entry.query == query) entry.query = no_query;
    }
}

Pending::Entry Pending::take_at(std::size_t index) noexcept {
    const Entry entry = entries_[index];
    entries_[index] = entries_.back();
    entries_.pop_back();
    return entry;
}

}  // namespace meshgate::dns::forward
