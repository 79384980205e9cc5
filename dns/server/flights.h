#pragma once

#include "dns/wire/question.h"
#include "dns/wire/siphash.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace meshgate::dns::server {

/// Which clients wait for the same question, so that it is asked upstream once: a name that many
/// want costs one query, and who wants to guess a reply's id has one to guess at, however often he
/// asks (RFC 5452 section 5; CVE-2020-25686).
///
/// The same are name (whatever its case), type, class, DO and CD, which is what the cache goes by,
/// and RD, without which an upstream says less. Belongs to one worker: several may each have one on
/// its way. Clients are known by their tickets of PendingClients, all different. Allocates only
/// when it is made.
class Flights {
public:
    /// @param tickets        as many as PendingClients holds.
    /// @param followers_max  that wait for one leader.
    /// @throws std::bad_alloc, std::system_error
    Flights(std::size_t tickets, std::size_t followers_max);

    enum class Role : std::uint8_t {
        leads,    ///< the first: ask upstream
        follows,  ///< the question is on its way
        full      ///< it is, and as many as may wait do
    };
    /// A ticket that is not `full` stays until it is taken or removed.
    Role join(const wire::Question& question, std::uint64_t ticket) noexcept;

    [[nodiscard]] bool is_on_its_way(const wire::Question& question) noexcept {
        return find_leader(hash_of(question)) != none;
    }

    /// Takes out the follower of this leader that waits longest.
    std::optional<std::uint64_t> take_follower(std::uint64_t leader) noexcept;
    [[nodiscard]] bool has_followers(std::uint64_t leader) const noexcept;

    /// Takes out a ticket, if it is here. @pre a leader has no followers
    void remove(std::uint64_t ticket) noexcept;

    /// Those that wait now are not joined any more: another server may be asked from now on.
    void close_all() noexcept;

private:
    static constexpr std::uint32_t none = 0xffffffff;

    /// In a list of followers that begins and ends at its leader.
    struct Node {
        std::uint64_t ticket = 0;  ///< 0: not here
        std::uint64_t hash = 0;    ///< of the question: a secret one, so equal means the same
        std::uint32_t leader = none;
        std::uint32_t before = none, after = none;
        std::uint32_t followers = 0;
        std::uint32_t next_leader = none;  ///< in the bucket
        bool open = false;                 ///< a leader in its bucket
    };

    [[nodiscard]] std::uint64_t hash_of(const wire::Question& question) const noexcept;
    [[nodiscard]] std::uint32_t index_of(std::uint64_t ticket) const noexcept;
    [[nodiscard]] std::uint32_t& bucket_of(std::uint64_t hash) noexcept {
        return buckets_[hash & (buckets_.size() - 1)];
    }
    [[nodiscard]] std::uint32_t find_leader(std::uint64_t hash) noexcept;
    void unlink_leader(std::uint32_t index) noexcept;
    void unlink_follower(std::uint32_t index) noexcept;

    wire::HashKey key_;
    std::size_t followers_max_;
    std::vector<Node> nodes_;  ///< reserved whole; at the place that PendingClients gave the ticket
    std::vector<std::uint32_t> buckets_;  ///< first leader of each; a power of two
};

}  // namespace meshgate::dns::server
