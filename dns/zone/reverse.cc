#include "dns/zone/reverse.h"

#include "dns/wire/text_name.h"

#include <algorithm>
#include <array>

namespace meshgate::dns::zone {
namespace {

constexpr std::array<std::uint8_t, 14> in_addr_arpa{7,   'i', 'n', '-', 'a', 'd', 'd',
                                                    'r', 4,   'a', 'r', 'p', 'a', 0};
constexpr std::array<std::uint8_t, 10> ip6_arpa{3, 'i', 'p', '6', 4, 'a', 'r', 'p', 'a', 0};
constexpr std::size_t nibbles = 32;

bool ends_with(std::span<const std::uint8_t> name, std::span<const std::uint8_t> suffix) noexcept {
    return name.size() > suffix.size() &&
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

std::optional<conf::IpAddress> parse_ipv4(std::span<const std::uint8_t> labels) noexcept {
    std::array<std::uint8_t, 4> bytes{};
    for (std::size_t i = bytes.size(); i-- > 0;) {
        if (labels.empty() || labels.size() < 1U + labels[0]) return std::nullopt;
        const int value = octet(labels.subspan(1, labels[0]));
        if (value < 0) return std::nullopt;
        bytes[i] = static_cast<std::uint8_t>(value);
        labels = labels.subspan(1U + labels[0]);
    }
    if (!labels.empty()) return std::nullopt;
    return conf::IpAddress::ipv4(bytes);
}

std::optional<conf::IpAddress> parse_ipv6(std::span<const std::uint8_t> labels) noexcept {
    if (labels.size() != 2 * nibbles) return std::nullopt;
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < nibbles; ++i) {
        const int value = nibble(labels[2 * i + 1]);
        if (labels[2 * i] != 1 || value < 0) return std::nullopt;
        const std::size_t byte = bytes.size() - 1 - i / 2;
        bytes[byte] = static_cast<std::uint8_t>(bytes[byte] | value << (i % 2 == 0 ? 0 : 4));
    }
    return conf::IpAddress::ipv6(bytes);
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

template <class Pairs, class Key>
std::optional<std::uint32_t> search(const Pairs& pairs, const Key& key) noexcept {
    const auto found =
        std::lower_bound(pairs.begin(), pairs.end(), key,
                         [](const auto& pair, const Key& wanted) { return pair.first < wanted; });
    if (found == pairs.end() || !(found->first == key)) return std::nullopt;
    return found->second;
}

}  // namespace

std::optional<conf::IpAddress> parse_reverse_name(std::span<const std::uint8_t> name) noexcept {
    if (ends_with(name, in_addr_arpa)) {
        return parse_ipv4(name.first(name.size() - in_addr_arpa.size()));
    }
    if (ends_with(name, ip6_arpa)) return parse_ipv6(name.first(name.size() - ip6_arpa.size()));
    return std::nullopt;
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

}  // namespace meshgate::dns::zone
