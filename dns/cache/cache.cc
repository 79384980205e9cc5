#include "dns/cache/cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace meshgate::dns::cache {
namespace {

constexpr std::size_t bytes_per_entry = 192;  // a guess, for the size of the index
// For each entry that comes, so that the work stays bounded; more than a handful, as names that are
// asked for together stand together.
constexpr unsigned spared_max = 128;
constexpr unsigned turns_max = 7;             // of the ring, that an answer outlives unasked
constexpr std::uint32_t retry_seconds = 5;    // RFC 8767 section 5: the failure recheck timer
constexpr std::uint32_t refresh_part = 10;    // of the TTL, at its end
constexpr std::uint32_t refresh_ttl_min = 10;
constexpr std::uint8_t refresh_hits_min = 2;
constexpr std::size_t entry_bytes_max =
    sizeof(Stored) + stored_records_max * 2 + stored_message_bytes_max + 8;

/// A power of two, for a ring of about `bytes`.
std::size_t index_slots(std::size_t bytes) {
    return bytes < Cache::min_bytes ? 1 : std::bit_ceil(2 * bytes / bytes_per_entry) / 2;
}

std::size_t ring_bytes(std::size_t bytes) {
    if (bytes < Cache::min_bytes) return 0;
    // A place has 32 bits and stands for 8 bytes.
    const std::size_t most = std::size_t{16} << 30;
    return std::min(bytes - index_slots(bytes) * Index::bytes_per_slot, most) & ~std::size_t{7};
}

Key key_of(const wire::Question& question) noexcept {
    return {question.lower(), question.qtype, question.edns && question.edns->dnssec_ok,
            question.checking_disabled()};
}

/// The hash of a key, from that of its name.
std::uint32_t with_the_rest(std::uint64_t name_hash, const Key& key) noexcept {
    const std::uint64_t hash =
        name_hash + (std::uint64_t{key.qtype} << 2U | std::uint64_t{key.dnssec_ok} << 1U |
                     std::uint64_t{key.checking_disabled}) *
                        0x9e3779b97f4a7c15U;
    return static_cast<std::uint32_t>(hash ^ hash >> 32U);
}

/// Fresh or stale.
bool may_be_given(const Stored& entry, std::uint32_t now) noexcept {
    return entry.kind != Kind::failure &&
           entry.age(now) < std::uint64_t{entry.ttl} + stale_seconds_max;
}

Key for_all_types(Key key) noexcept {
    key.qtype = 0;
    return key;
}

}  // namespace

Cache::Cache(std::size_t bytes)
    : hash_key_(wire::random_hash_key()), ring_(ring_bytes(bytes)), index_(index_slots(bytes)),
      spared_(std::make_unique<std::uint8_t[]>(entry_bytes_max)) {}

std::uint64_t Cache::hash_name(std::span<const std::uint8_t> lower_qname) const noexcept {
    return wire::siphash64(hash_key_, lower_qname);
}

std::uint32_t Cache::hash_of(const Key& key) const noexcept {
    return with_the_rest(hash_name(key.lower_qname), key);
}

Stored* Cache::find(const Key& key) const noexcept {
    return find(key, hash_of(key));
}

Stored* Cache::find(const Key& key, std::uint32_t hash) const noexcept {
    const auto place =
        index_.find(hash, [&](std::uint32_t candidate) { return ring_.at(candidate).is(key); });
    return place == Index::none ? nullptr : &ring_.at(place);
}

Stored* Cache::find(const wire::Question& question) const noexcept {
    if (is_off()) return nullptr;
    const Key key = key_of(question);
    const std::uint64_t name = hash_name(key.lower_qname);
    Stored* const exact = find(key, with_the_rest(name, key));
    if (exact != nullptr) return exact;
    const Key all = for_all_types(key);
    return find(all, with_the_rest(name, all));
}

Cache::Answer Cache::answer(const wire::Question& question, std::uint32_t now, std::size_t limit,
                            std::span<std::uint8_t> out) noexcept {
    Stored* const entry = find(question);
    if (entry == nullptr) return {};
    if (!entry->is_fresh(now)) return {.known = true};
    if (entry->hits != 255) ++entry->hits;
    Answer answer{write_answer(*entry, question, now, Freshness::fresh, limit, out), false, true};
    const std::uint32_t left = entry->ttl - entry->age(now);
    if (entry->kind != Kind::failure && entry->hits >= refresh_hits_min &&
        entry->ttl >= refresh_ttl_min && left <= entry->ttl / refresh_part &&
        now >= entry->quiet_until) {
        entry->quiet_until = now + retry_seconds;
        answer.refresh = true;
    }
    return answer;
}

std::size_t Cache::answer_stale(const wire::Question& question, std::uint32_t now,
                                std::size_t limit, std::span<std::uint8_t> out) noexcept {
    Stored* const entry = find(question);
    if (entry == nullptr || !may_be_given(*entry, now)) return 0;
    if (entry->hits != 255) ++entry->hits;
    const auto freshness = entry->is_fresh(now) ? Freshness::fresh : Freshness::stale;
    return write_answer(*entry, question, now, freshness, limit, out);
}

bool Cache::has_stale(const wire::Question& question, std::uint32_t now) const noexcept {
    const Stored* const entry = find(question);
    return entry != nullptr && !entry->is_fresh(now) && may_be_given(*entry, now);
}

std::optional<Kept> Cache::look(const wire::Question& question, std::uint32_t now) const noexcept {
    const Stored* const entry = find(question);
    if (entry == nullptr) return std::nullopt;
    if (!entry->is_fresh(now) && !may_be_given(*entry, now)) return std::nullopt;
    return Kept{entry->age(now), entry->ttl, entry->kind == Kind::failure};
}

bool Cache::is_failing(const wire::Question& question, std::uint32_t now) noexcept {
    const Stored* const entry = find(question);
    return entry != nullptr && now < entry->quiet_until;
}

void Cache::store(const wire::Question& question, std::span<const std::uint8_t> reply,
                  std::uint32_t now) noexcept {
    if (is_off()) return;
    auto storable = judge(question, reply);
    if (!storable) return;
    const bool positive = storable->kind == Kind::positive;
    const std::uint32_t ttl_max = positive ? ttl_max_.positive : ttl_max_.negative;
    if (ttl_max == 0) return;
    storable->ttl = std::min(storable->ttl, ttl_max);
    Key key = key_of(question);
    // Whatever was known of the name and this type is over; so is an NXDOMAIN when there is
    // something, and one entry is enough for each question.
    if (Stored* const old = find(key)) forget(*old);
    if (Stored* const old = find(for_all_types(key))) forget(*old);
    if (storable->holds_for_all_types()) key = for_all_types(key);
    Stored* const entry = make_entry(key, storable->records, storable->bytes);
    if (entry == nullptr) return;
    entry->stored_at = now;
    entry->ttl = storable->ttl;
    entry->kind = storable->kind;
    fill(*entry, *storable, ttl_max, reply);
    std::copy(key.lower_qname.begin(), key.lower_qname.end(),
              entry->message().begin() + wire::header_bytes);
}

void Cache::store_failure(const wire::Question& question, std::uint32_t now) noexcept {
    if (is_off() || question.qclass != wire::qclass::in) return;
    if (Stored* const known = find(question); known != nullptr && known->kind != Kind::failure) {
        known->quiet_until = now + retry_seconds;
        return;
    }
    const Key key = key_of(question);
    if (Stored* const old = find(key)) forget(*old);
    Stored* const entry = make_entry(key, 0, question.end());
    if (entry == nullptr) return;
    entry->stored_at = now;
    entry->ttl = failure_ttl;
    entry->kind = Kind::failure;
    fill_failure(*entry, question);
    std::copy(key.lower_qname.begin(), key.lower_qname.end(),
              entry->message().begin() + wire::header_bytes);
}

Stored* Cache::make_entry(const Key& key, std::size_t records, std::size_t message_bytes) noexcept {
    const std::size_t bytes = stored_bytes(records, message_bytes);
    if (!make_room(bytes)) return nullptr;
    const std::uint32_t place = ring_.put(bytes);
    Stored& entry = ring_.at(place);
    entry.hash = hash_of(key);
    entry.quiet_until = 0;
    entry.message_bytes = static_cast<std::uint16_t>(message_bytes);
    entry.qname_bytes = static_cast<std::uint16_t>(key.lower_qname.size());
    entry.qtype = key.qtype;
    entry.records = static_cast<std::uint16_t>(records);
    entry.hits = 0;
    entry.dnssec_ok = key.dnssec_ok;
    entry.checking_disabled = key.checking_disabled;
    entry.live = true;
    index_.add(entry.hash, place);
    return &entry;
}

/// Drops the oldest until there is room, but for those that were asked for: they go to the head
/// once more.
bool Cache::make_room(std::size_t bytes) noexcept {
    if (bytes > ring_.size() / 4) return false;
    unsigned spared = 0;
    while (!ring_.has_room(bytes) || index_.is_full()) {
        const std::uint32_t place = ring_.oldest();
        Stored& entry = ring_.at(place);
        if (entry.live && entry.hits != 0 && spared < spared_max && spare(place)) {
            ++spared;
            continue;
        }
        if (entry.live) index_.remove(entry.hash, place);
        ring_.drop_oldest();
    }
    return true;
}

/// Moves the oldest entry to the head. @return false when it does not fit there.
bool Cache::spare(std::uint32_t place) noexcept {
    const std::size_t bytes = ring_.at(place).bytes;
    std::memcpy(spared_.get(), &ring_.at(place), bytes);
    index_.remove(ring_.at(place).hash, place);
    ring_.drop_oldest();
    if (!ring_.has_room(bytes)) return true;  // it is gone
    const std::uint32_t moved = ring_.put(bytes);
    Stored& entry = ring_.at(moved);
    std::memcpy(&entry, spared_.get(), bytes);
    // Not 0: what was asked for often is still wanted when nobody has asked for a turn, and a flood
    // makes turns short.
    entry.hits = static_cast<std::uint8_t>(std::min<unsigned>(entry.hits, turns_max) - 1);
    index_.add(entry.hash, moved);
    return true;
}

void Cache::forget(Stored& entry) noexcept {
    index_.remove(entry.hash, place_of(entry));
    entry.live = false;
}

std::uint32_t Cache::place_of(const Stored& entry) const noexcept {
    const auto* const begin = reinterpret_cast<const std::uint8_t*>(&ring_.at(0));
    return static_cast<std::uint32_t>((reinterpret_cast<const std::uint8_t*>(&entry) - begin) / 8);
}

void Cache::flush() noexcept {
    ring_.clear();
    index_.clear();
}

std::size_t Cache::flush(std::span<const std::uint8_t> lower_qname) noexcept {
    std::size_t count = 0;
    ring_.for_each([&](std::uint32_t place) {
        Stored& entry = ring_.at(place);
        const auto name = entry.lower_qname();
        if (!entry.live ||
            !std::equal(name.begin(), name.end(), lower_qname.begin(), lower_qname.end())) {
            return;
        }
        forget(entry);
        ++count;
    });
    return count;
}

}  // namespace meshgate::dns::cache
