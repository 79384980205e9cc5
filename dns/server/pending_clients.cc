#include "dns/server/pending_clients.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <utility>

namespace meshgate::dns::server {

namespace {

std::uint64_t random_seed() {
    std::random_device source;
    return std::uint64_t{source()} << 32 | source();
}

/// The finalizer of MurmurHash3: every bit of the input changes about half of the output.
std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

bool same_peer(const Peer& a, const Peer& b) noexcept {
    if (a.generic.sa_family != b.generic.sa_family) return false;
    if (a.generic.sa_family == AF_INET)
        return a.v4.sin_port == b.v4.sin_port && a.v4.sin_addr.s_addr == b.v4.sin_addr.s_addr;
    return a.v6.sin6_port == b.v6.sin6_port && a.v6.sin6_scope_id == b.v6.sin6_scope_id &&
           IN6_ARE_ADDR_EQUAL(&a.v6.sin6_addr, &b.v6.sin6_addr) != 0;
}

/// Header and question as sent, counts of one question only, and an OPT with neither options nor
/// version if there was one.
void keep_query(const wire::Question& question, PendingClient& out) noexcept {
    const auto kept = question.message.first(question.end());
    std::copy(kept.begin(), kept.end(), out.query.begin());
    out.query_bytes = kept.size();
    std::fill(out.query.begin() + 6, out.query.begin() + wire::header_bytes, std::uint8_t{0});
    if (!question.edns) return;
    out.query[11] = 1;
    const std::uint16_t size = question.edns->udp_payload_size;
    const std::array<std::uint8_t, 11> opt{
        0,
        0,
        wire::type::opt,
        static_cast<std::uint8_t>(size >> 8),
        static_cast<std::uint8_t>(size & 0xff),
        0,
        0,
        static_cast<std::uint8_t>(question.edns->dnssec_ok ? 0x80 : 0),
        0,
        0,
        0};
    std::copy(opt.begin(), opt.end(),
              out.query.begin() + static_cast<std::ptrdiff_t>(out.query_bytes));
    out.query_bytes += opt.size();
}

}  // namespace

PendingClients::PendingClients(std::size_t capacity)
    : capacity_(std::clamp<std::size_t>(capacity, 1, none - 1)), seed_(random_seed()),
      buckets_(std::bit_ceil(capacity_), none) {
    slots_.reserve(capacity_);
}

PendingClients::Added PendingClients::add(const Client& client, const wire::Question& question,
                                          std::size_t limit, Clock::time_point arrived,
                                          bool cacheable) noexcept {
    scratch_.client = client;
    scratch_.cacheable = cacheable;
    scratch_.limit = limit;
    scratch_.arrived = arrived;
    keep_query(question, scratch_);
    const std::size_t bucket = bucket_of(client, question.id);
    if (client.transport != nullptr && client.proto == Proto::udp && holds(bucket, scratch_))
        return {Outcome::duplicate, 0};
    std::uint32_t index = free_;
    if (index != none) {
        free_ = slots_[index].next;
    } else if (slots_.size() < capacity_) {
        index = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
    } else {
        return {Outcome::full, 0};
    }
    Slot& slot = slots_[index];
    slot.pending = scratch_;
    slot.generation = std::max(slot.generation + 1, 1U);
    slot.taken = true;
    slot.bucket = static_cast<std::uint32_t>(bucket);
    slot.next = std::exchange(buckets_[bucket], index);
    ++size_;
    if (client.transport == nullptr) ++unattended_;
    return {Outcome::added, std::uint64_t{slot.generation} << 32 | index};
}

const PendingClient* PendingClients::find(std::uint64_t ticket) const noexcept {
    const auto index = static_cast<std::uint32_t>(ticket);
    if (index >= slots_.size()) return nullptr;
    const Slot& slot = slots_[index];
    return slot.taken && slot.generation == ticket >> 32 ? &slot.pending : nullptr;
}

void PendingClients::remove(std::uint64_t ticket) noexcept {
    if (find(ticket) == nullptr) return;
    const auto index = static_cast<std::uint32_t>(ticket);
    Slot& slot = slots_[index];
    std::uint32_t* link = &buckets_[slot.bucket];
    while (*link != index) link = &slots_[*link].next;
    *link = slot.next;
    if (slot.pending.client.transport == nullptr) --unattended_;
    slot.taken = false;
    slot.next = std::exchange(free_, index);
    --size_;
}

void PendingClients::answered(std::uint64_t ticket) noexcept {
    if (find(ticket) == nullptr) return;
    Client& client = slots_[static_cast<std::uint32_t>(ticket)].pending.client;
    if (std::exchange(client.transport, nullptr) != nullptr) ++unattended_;
}

std::size_t PendingClients::bucket_of(const Client& client, std::uint16_t id) const noexcept {
    std::uint64_t key = seed_ ^ id;
    if (client.proto == Proto::tcp) {
        key ^= client.connection << 16;
    } else if (const Peer& peer = client.path.peer; peer.generic.sa_family == AF_INET) {
        key ^= std::uint64_t{peer.v4.sin_addr.s_addr} << 32 | std::uint32_t{peer.v4.sin_port} << 16;
    } else {
        std::array<std::uint64_t, 2> words;
        std::memcpy(words.data(), &peer.v6.sin6_addr, sizeof words);
        key = mix(key ^ words[0]) ^ words[1];
        key = mix(key) ^ peer.v6.sin6_port;
    }
    return mix(key) & (buckets_.size() - 1);
}

bool PendingClients::holds(std::size_t bucket, const PendingClient& wanted) const noexcept {
    for (std::uint32_t i = buckets_[bucket]; i != none; i = slots_[i].next) {
        const PendingClient& here = slots_[i].pending;
        if (here.client.transport == wanted.client.transport &&
            here.query_bytes == wanted.query_bytes &&
            same_peer(here.client.path.peer, wanted.client.path.peer) &&
            std::equal(wanted.query_view().begin(), wanted.query_view().end(), here.query.begin()))
            return true;
    }
    return false;
}

void PendingClients::forbid_caching() noexcept {
    for (Slot& slot : slots_) slot.pending.cacheable = false;
}

}  // namespace meshgate::dns::server
