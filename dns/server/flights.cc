#include "dns/server/flights.h"

#include <algorithm>
#include <array>
#include <bit>

namespace meshgate::dns::server {

Flights::Flights(std::size_t tickets, std::size_t followers_max)
    : key_(wire::random_hash_key()), followers_max_(followers_max),
      buckets_(std::bit_ceil(std::max<std::size_t>(tickets, 1)), none) {
    nodes_.reserve(tickets);
}

std::uint64_t Flights::hash_of(const wire::Question& question) const noexcept {
    const bool dnssec_ok = question.edns && question.edns->dnssec_ok;
    const unsigned flags = (dnssec_ok ? 1U : 0U) | (question.checking_disabled() ? 2U : 0U) |
                           (question.recursion_desired() ? 4U : 0U);
    const std::uint64_t rest =
        std::uint64_t{question.qtype} << 24U | std::uint64_t{question.qclass} << 8U | flags;
    // Different for different `rest` of one name, as the factor is odd; and for two names as secret
    // as the hash is.
    return wire::siphash64(key_, question.lower()) + rest * 0x9e3779b97f4a7c15U;
}

/// The place of a ticket that is here, else none.
std::uint32_t Flights::index_of(std::uint64_t ticket) const noexcept {
    const auto index = static_cast<std::uint32_t>(ticket);
    return ticket != 0 && index < nodes_.size() && nodes_[index].ticket == ticket ? index : none;
}

std::uint32_t Flights::find_leader(std::uint64_t hash) noexcept {
    std::uint32_t index = bucket_of(hash);
    while (index != none && nodes_[index].hash != hash) index = nodes_[index].next_leader;
    return index;
}

Flights::Role Flights::join(const wire::Question& question, std::uint64_t ticket) noexcept {
    const auto index = static_cast<std::uint32_t>(ticket);
    const std::uint64_t hash = hash_of(question);
    const std::uint32_t leader = find_leader(hash);
    if (index >= nodes_.size())
        nodes_.resize(index + std::size_t{1});  // reserved: memory follows load
    Node& node = nodes_[index];
    if (leader == none) {
        node = {ticket, hash, index, index, index, 0, bucket_of(hash), true};
        bucket_of(hash) = index;
        return Role::leads;
    }
    Node& head = nodes_[leader];
    if (head.followers >= followers_max_) return Role::full;
    node = {ticket, hash, leader, head.before, leader, 0, none, false};
    nodes_[head.before].after = index;
    head.before = index;
    ++head.followers;
    return Role::follows;
}

bool Flights::has_followers(std::uint64_t leader) const noexcept {
    const std::uint32_t index = index_of(leader);
    return index != none && nodes_[index].followers != 0;
}

std::optional<std::uint64_t> Flights::take_follower(std::uint64_t leader) noexcept {
    if (!has_followers(leader)) return std::nullopt;
    const std::uint32_t first = nodes_[index_of(leader)].after;
    const std::uint64_t ticket = nodes_[first].ticket;
    unlink_follower(first);
    return ticket;
}

void Flights::remove(std::uint64_t ticket) noexcept {
    const std::uint32_t index = index_of(ticket);
    if (index == none) return;
    if (nodes_[index].leader != index) return unlink_follower(index);
    unlink_leader(index);
    nodes_[index] = {};
}

void Flights::unlink_leader(std::uint32_t index) noexcept {
    Node& node = nodes_[index];
    if (!node.open) return;
    std::uint32_t* link = &bucket_of(node.hash);
    while (*link != index) link = &nodes_[*link].next_leader;
    *link = node.next_leader;
    node.open = false;
}

void Flights::unlink_follower(std::uint32_t index) noexcept {
    Node& node = nodes_[index];
    nodes_[node.before].after = node.after;
    nodes_[node.after].before = node.before;
    --nodes_[node.leader].followers;
    node = {};
}

void Flights::close_all() noexcept {
    std::fill(buckets_.begin(), buckets_.end(), none);
    for (Node& node : nodes_) node.open = false;
}

}  // namespace meshgate::dns::server
