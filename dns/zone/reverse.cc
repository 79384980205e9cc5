#include "dns/zone/reverse.h"

#include <algorithm>
#include <array>

namespace meshgate::dns::zone {
namespace {

constexpr std::array<std::uint8_t, 14> in_addr_arpa{7,   'i', 'n', '-', 'a', 'd', 'd',
                                                    'r', 4,   'a', 'r', 'p', 'a', 0};
constexpr std::array<std::uint8_t, 10> ip6_arpa{3, 'i', 'p', '6', 4, 'a', 'r', 'p', 'a', 0};

bool ends_with(std::span<const std::uint8_t> name, std::span<const std::uint8_t> suffix) noexcept {
    return name.size() >= suffix.size() &&
           std::equal(suffix.begin(), suffix.end(),
                      name.end() - static_cast<std::ptrdiff_t>(suffix.size()));
}

/// "0".."255" without leading zeros; -1 for anything else.
int octet(std::span<const std::uint8_t> digits) noexcept {
    if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) return -1;
    int value = 0;
    for (const std::uint8_t digit : digits) {
        if (digit < '0' || digit > '9') return -1;
        value = value * 10 + (digit - '0');
    }
    return value <= 255 ? value : -1;
}

int nibble(std::uint8_t digit) noexcept {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

/// The bits of an address that one label spells; -1 for none.
int label_bits(std::span<const std::uint8_t> label, conf::Family family) noexcept {
    if (family == conf::Family::ipv4) return octet(label);
    return label.size() == 1 ? nibble(label[0]) : -1;
}

constexpr unsigned bits_per_label(conf::Family family) noexcept {
    return family == conf::Family::ipv4 ? 8 : 4;
}
constexpr unsigned address_bits(conf::Family family) noexcept {
    return family == conf::Family::ipv4 ? 32 : 128;
}

conf::IpAddress address_of(std::span<const std::uint8_t, 16> bytes, conf::Family family) noexcept {
    return family == conf::Family::ipv4 ? conf::IpAddress::ipv4(bytes.first<4>())
                                        : conf::IpAddress::ipv6(bytes);
}

std::uint32_t to_number(const conf::IpAddress& address) noexcept {
    const auto bytes = address.bytes();
    return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
           std::uint32_t{bytes[2]} << 8U | bytes[3];
}

/// Sorted by address; of equal addresses the one added first stays.
template <class Pairs>
void sort_and_deduplicate(Pairs& pairs) {
    const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
    const auto equal = [](const auto& a, const auto& b) { return a.first == b.first; };
    std::stable_sort(pairs.begin(), pairs.end(), before);
    pairs.erase(std::unique(pairs.begin(), pairs.end(), equal), pairs.end());
    pairs.shrink_to_fit();
}

/// The first pair at or after `key`.
template <class Pairs, class Key>
auto at_or_after(const Pairs& pairs, const Key& key) noexcept {
    return std::lower_bound(
        pairs.begin(), pairs.end(), key,
        [](const auto& pair, const Key& wanted) { return pair.first < wanted; });
}

template <class Pairs, class Key>
std::optional<std::uint32_t> search(const Pairs& pairs, const Key& key) noexcept {
    const auto found = at_or_after(pairs, key);
    if (found == pairs.end() || !(found->first == key)) return std::nullopt;
    return found->second;
}

template <class Pairs, class Key>
bool any_between(const Pairs& pairs, const Key& first, const Key& last) noexcept {
    const auto found = at_or_after(pairs, first);
    return found != pairs.end() && !(last < found->first);
}

}  // namespace

std::optional<ReverseName> ReverseName::parse(std::span<const std::uint8_t> name) noexcept {
    const bool ipv4 = ends_with(name, in_addr_arpa);
    if (!ipv4 && !ends_with(name, ip6_arpa)) return std::nullopt;
    ReverseName out;
    out.name_bytes_ = name.size();
    out.tree_bytes_ = ipv4 ? in_addr_arpa.size() : ip6_arpa.size();
    const std::size_t end = out.name_bytes_ - out.tree_bytes_;
    std::size_t at = 0;
    while (at < end) {
        out.starts_[out.labels_++] = static_cast<std::uint8_t>(at);
        at += 1U + name[at];
    }
    if (at != end) return std::nullopt;  // the bytes of the tree's name, within a label
    out.read_labels(name, ipv4 ? conf::Family::ipv4 : conf::Family::ipv6);
    return out;
}

void ReverseName::read_labels(std::span<const std::uint8_t> name, conf::Family family) noexcept {
    std::array<std::uint8_t, 16> bytes{};
    unsigned bits = 0;
    while (spelling_labels_ < labels_ && bits < address_bits(family)) {
        const std::size_t start = starts_[labels_ - 1 - spelling_labels_];
        const int value = label_bits(name.subspan(start + 1, name[start]), family);
        if (value < 0) break;
        const unsigned shift = 8 - bits_per_label(family) - bits % 8;
        bytes[bits / 8] = static_cast<std::uint8_t>(bytes[bits / 8] | value << shift);
        bits += bits_per_label(family);
        ++spelling_labels_;
    }
    network_ = {address_of(bytes, family), static_cast<std::uint8_t>(bits)};
}

bool ReverseName::is_address() const noexcept {
    return exact() && network_.prefix == address_bits(network_.base.family());
}

std::size_t ReverseName::suffix_bytes(unsigned prefix) const noexcept {
    const unsigned bits = bits_per_label(network_.base.family());
    const std::size_t needed = (prefix + bits - 1) / bits;
    return needed == 0 ? tree_bytes_ : name_bytes_ - starts_[labels_ - needed];
}

void ReverseIndex::add(const conf::IpAddress& address, std::uint32_t entry) {
    if (address.family() == conf::Family::ipv4) {
        ipv4_.emplace_back(to_number(address), entry);
    } else {
        ipv6_.emplace_back(address, entry);
    }
}

void ReverseIndex::finish() {
    sort_and_deduplicate(ipv4_);
    sort_and_deduplicate(ipv6_);
}

std::optional<std::uint32_t> ReverseIndex::find(const conf::IpAddress& address) const noexcept {
    if (address.family() == conf::Family::ipv4) return search(ipv4_, to_number(address));
    return search(ipv6_, address);
}

bool ReverseIndex::any_in(const conf::Cidr& network) const noexcept {
    const conf::IpAddress last = network.last();
    if (network.base.family() == conf::Family::ipv4) {
        return any_between(ipv4_, to_number(network.base), to_number(last));
    }
    return any_between(ipv6_, network.base, last);
}

}  // namespace meshgate::dns::zone
