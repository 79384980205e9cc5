#pragma once

#include "dns/cache/index.h"
#include "dns/cache/ring.h"
#include "dns/cache/stored.h"
#include "dns/wire/siphash.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace meshgate::dns::cache {

inline constexpr std::uint32_t stale_seconds_max =
    86400;  ///< RFC 8767 section 5: one to three days

/// How long answers are kept, at most, in seconds. Nothing of a kind is kept with 0, not even
/// failures when both are 0.
struct TtlMax {
    std::uint32_t positive = positive_ttl_max;
    std::uint32_t negative = negative_ttl_max;
};

/// What is known of an entry without asking for it.
struct Kept {
    std::uint32_t age = 0;  ///< seconds since it came
    std::uint32_t ttl = 0;  ///< seconds it is fresh, since it came
    bool failure = false;   ///< it is that upstreams failed

    [[nodiscard]] bool is_fresh() const noexcept { return age < ttl; }
};

/// Answers of upstreams, kept whole, one for each question. Belongs to one worker: no lock.
///
/// Bounded in bytes. The oldest leaves first, but is spared once for each time that it was asked
/// for, seven times at most: so a flood of names that nobody asks for twice takes only the room of
/// its own kind.
///
/// Times are seconds of a steady clock, from any beginning; an entry that is a day past its end is
/// not stale but gone.
class Cache {
public:
    /// @param bytes  index included; less than min_bytes: nothing is ever kept.
    /// @throws std::bad_alloc
    explicit Cache(std::size_t bytes);

    static constexpr std::size_t min_bytes = std::size_t{64} << 10;

    struct Answer {
        std::size_t bytes = 0;  ///< of `out`; 0: nothing fresh is known
        bool refresh = false;   ///< it is asked for and ends soon: ask upstream as well, once
        bool known = false;     ///< there is something, if perhaps not fresh
    };

    /// @pre question.qclass is IN; out as for write_answer().
    Answer answer(const wire::Question& question, std::uint32_t now, std::size_t limit,
                  std::span<std::uint8_t> out) noexcept;

    /// What was true a while ago, for when no upstream answers (RFC 8767). @return 0: nothing.
    std::size_t answer_stale(const wire::Question& question, std::uint32_t now, std::size_t limit,
                             std::span<std::uint8_t> out) noexcept;

    /// Whether answer_stale() would have something to say that is no longer fresh.
    [[nodiscard]] bool has_stale(const wire::Question& question, std::uint32_t now) const noexcept;

    /// What is there for the question, fresh or stale; it does not count as being asked for.
    [[nodiscard]] std::optional<Kept> look(const wire::Question& question,
                                           std::uint32_t now) const noexcept;

    /// Whether upstreams failed for this question a moment ago, so that something stale may be
    /// given at once.
    [[nodiscard]] bool is_failing(const wire::Question& question, std::uint32_t now) noexcept;

    /// Keeps what of a reply may be kept.
    void store(const wire::Question& question, std::span<const std::uint8_t> reply,
               std::uint32_t now) noexcept;

    /// No upstream answered. What is there stays; if nothing is, the failure itself is kept for
    /// failure_ttl seconds.
    void store_failure(const wire::Question& question, std::uint32_t now) noexcept;

    /// For what is stored from now on.
    void set_ttl_max(TtlMax most) noexcept { ttl_max_ = most; }

    void flush() noexcept;
    /// Forgets the name, of whatever type. @return how many entries.
    std::size_t flush(std::span<const std::uint8_t> lower_qname) noexcept;

    [[nodiscard]] std::size_t entries() const noexcept { return index_.count(); }
    /// That hold something or wait for their turn.
    [[nodiscard]] std::size_t bytes() const noexcept { return ring_.used(); }

private:
    [[nodiscard]] bool is_off() const noexcept {
        return ring_.size() == 0 || (ttl_max_.positive == 0 && ttl_max_.negative == 0);
    }
    [[nodiscard]] std::uint64_t hash_name(std::span<const std::uint8_t> lower_qname) const noexcept;
    [[nodiscard]] std::uint32_t hash_of(const Key& key) const noexcept;
    [[nodiscard]] Stored* find(const Key& key) const noexcept;
    [[nodiscard]] Stored* find(const Key& key, std::uint32_t hash) const noexcept;
    /// The entry for the question: of its type, else an NXDOMAIN of the name.
    [[nodiscard]] Stored* find(const wire::Question& question) const noexcept;
    Stored* make_entry(const Key& key, std::size_t records, std::size_t message_bytes) noexcept;
    bool make_room(std::size_t bytes) noexcept;
    bool spare(std::uint32_t place) noexcept;
    void forget(Stored& entry) noexcept;
    [[nodiscard]] std::uint32_t place_of(const Stored& entry) const noexcept;

    TtlMax ttl_max_;
    wire::HashKey hash_key_;
    Ring ring_;
    Index index_;
    std::unique_ptr<std::uint8_t[]> spared_;  ///< an entry while it moves
};

}  // namespace meshgate::dns::cache
