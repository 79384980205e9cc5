#pragma once

#include "dns/forward/exchange.h"
#include "dns/forward/random.h"
#include "dns/wire/reply.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace meshgate::dns::forward {

/// The queries on one socket or connection that wait for a reply, each with the id it was sent
/// with. Two of them never have the same.
class Pending {
public:
    struct Entry {
        std::uint16_t id = 0;
        QueryRef query;
        std::uint64_t fingerprint = 0;  ///< in own_queries, UDP only
    };

    [[nodiscard]] std::uint16_t unused_id(Random& random) const noexcept;
    void add(const Entry& entry) { entries_.push_back(entry); }

    /// Takes out the query that `reply` answers: id and question are those that were sent (RFC 5452
    /// section 9.1). Empty for anything else, which leaves the query waiting: whoever sends rubbish
    /// must not be able to end it. Also the entry of a query that is over, whose id alone counts.
    std::optional<Entry> take(std::span<const std::uint8_t> reply, ExchangeEvents& events,
                              wire::Letters letters = wire::Letters::as_sent) noexcept;

    /// The query that `reply` would answer if letters did not matter; it goes on waiting.
    std::optional<QueryRef> query_of(std::span<const std::uint8_t> reply,
                                     ExchangeEvents& events) const noexcept;

    /// Takes out the newest that is left.
    std::optional<Entry> take_any() noexcept;
    std::optional<Entry> take_query(QueryRef query) noexcept;
    std::optional<Entry> take_same(const Entry& entry) noexcept;

    /// The query is over, but its id stays in use until a reply comes.
    void detach(QueryRef query) noexcept;

    [[nodiscard]] bool has(QueryRef query) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
    [[nodiscard]] std::optional<std::size_t> find(std::span<const std::uint8_t> reply,
                                                  ExchangeEvents& events,
                                                  wire::Letters letters) const noexcept;
    Entry take_at(std::size_t index) noexcept;

    std::vector<Entry> entries_;  ///< a few dozen at most: searched from end to end
};

}  // namespace meshgate::dns::forward
