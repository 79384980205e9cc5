#include "netfilter/nftnl/intervals.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

namespace meshgate::netfilter {

namespace {

using Key = std::array<std::uint8_t, 16>;

struct KeyRange {
    Key first{};
    Key last{};  ///< inclusive
};

template <class Number>
Key to_key(Number number) {
    Key key{};
    for (std::size_t i = sizeof(Number); i-- > 0; number = static_cast<Number>(number >> 8)) {
        key[i] = static_cast<std::uint8_t>(number & 0xff);
    }
    return key;
}

template <class Number>
Number from_key(const Key& key) {
    Number number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
        number = static_cast<Number>((std::uint64_t{number} << 8) | key[i]);
    }
    return number;
}

Key to_key(const conf::IpAddress& address) {
    Key key{};
    std::ranges::copy(address.bytes(), key.begin());
    return key;
}

/// The key after `key`; none after the highest.
std::optional<Key> next(Key key, std::size_t bytes) {
    for (std::size_t i = bytes; i-- > 0;) {
        if (++key[i] != 0) return key;
    }
    return std::nullopt;
}

Key previous(Key key, std::size_t bytes) {
    for (std::size_t i = bytes; i-- > 0;) {
        if (key[i]-- != 0) break;
    }
    return key;
}

std::size_t key_bytes(const Set& set) {
    if (std::holds_alternative<PortElements>(set.elements)) return sizeof(Port);
    if (std::holds_alternative<UidElements>(set.elements)) return sizeof(Uid);
    if (std::holds_alternative<GidElements>(set.elements)) return sizeof(Gid);
    if (std::holds_alternative<MarkElements>(set.elements)) return sizeof(Mark);
    return std::get<AddressElements>(set.elements).family == Family::ipv4 ? 4 : 16;
}

std::vector<IntervalElement> single_keys(const MarkElements& marks) {
    std::vector<IntervalElement> elements;
    for (const Mark mark : marks) {
        IntervalElement element;
        std::memcpy(element.key.data(), &mark, sizeof mark);
        elements.push_back(element);
    }
    return elements;
}

MarkElements from_single_keys(const std::vector<IntervalElement>& elements) {
    MarkElements marks;
    for (const auto& element : elements) {
        Mark mark = 0;
        std::memcpy(&mark, element.key.data(), sizeof mark);
        marks.push_back(mark);
    }
    std::ranges::sort(marks);
    return marks;
}

std::vector<KeyRange> ranges_of(const Set& set) {
    std::vector<KeyRange> ranges;
    if (const auto* ports = std::get_if<PortElements>(&set.elements)) {
        for (const auto& range : *ports)
            ranges.push_back({to_key(range.first), to_key(range.last)});
    } else if (const auto* users = std::get_if<UidElements>(&set.elements)) {
        for (const auto& range : *users)
            ranges.push_back({to_key(range.first), to_key(range.last)});
    } else if (const auto* groups = std::get_if<GidElements>(&set.elements)) {
        for (const auto& range : *groups)
            ranges.push_back({to_key(range.first), to_key(range.last)});
    } else {
        for (const auto& network : std::get<AddressElements>(set.elements).networks) {
            ranges.push_back({to_key(network.base), to_key(network.last())});
        }
    }
    return ranges;
}

conf::IpAddress to_address(const Key& key, Family family) {
    if (family == Family::ipv4) return conf::IpAddress::ipv4(std::span{key}.first<4>());
    return conf::IpAddress::ipv6(key);
}

/// The network that is exactly this range; none when the range is not aligned to its size.
std::optional<Cidr> to_network(const KeyRange& range, Family family) {
    const std::size_t bytes = family == Family::ipv4 ? 4 : 16;
    std::uint8_t prefix = 0;
    std::size_t i = 0;
    for (; i < bytes && range.first[i] == range.last[i]; ++i) prefix += 8;
    if (i < bytes) {
        const auto varying = static_cast<std::uint8_t>(range.first[i] ^ range.last[i]);
        prefix = static_cast<std::uint8_t>(prefix + std::countl_zero(varying));
    }
    const Cidr network{to_address(range.first, family), prefix};
    for (std::size_t bit = prefix; bit < bytes * 8; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
        if ((range.first[bit / 8] & mask) != 0 || (range.last[bit / 8] & mask) == 0) {
            return std::nullopt;
        }
    }
    return network;
}

/// Pairs starts with ends. Where two ranges touch, the end of the first and the start of the
/// second have the same key: the end sorts first.
std::vector<KeyRange> pair_up(std::vector<IntervalElement> elements, std::size_t bytes) {
    std::ranges::sort(elements, [](const auto& a, const auto& b) {
        return a.key != b.key ? a.key < b.key : a.end && !b.end;
    });
    Key highest{};
    std::fill_n(highest.begin(), bytes, std::uint8_t{0xff});

    std::vector<KeyRange> ranges;
    std::optional<Key> start;
    for (const auto& element : elements) {
        if (start) ranges.push_back({*start, previous(element.key, bytes)});
        start = element.end ? std::nullopt : std::optional{element.key};
    }
    if (start) ranges.push_back({*start, highest});
    return ranges;
}

}  // namespace

std::vector<IntervalElement> to_intervals(const Set& set) {
    if (const auto* marks = std::get_if<MarkElements>(&set.elements)) return single_keys(*marks);
    const auto bytes = key_bytes(set);
    const auto ranges = ranges_of(set);
    std::vector<IntervalElement> elements;
    elements.reserve(ranges.size() * 2 + 1);
    if (!ranges.empty() && ranges.front().first != Key{}) {
        elements.push_back({.key = {}, .end = true});
    }
    for (const auto& range : ranges) {
        const auto end = next(range.last, bytes);
        elements.push_back({.key = range.first, .open = !end.has_value()});
        if (end) elements.push_back({.key = *end, .end = true});
    }
    return elements;
}

std::vector<std::string> from_intervals(std::vector<IntervalElement> elements, Set& set) {
    std::vector<std::string> unknown;
    if (auto* marks = std::get_if<MarkElements>(&set.elements)) {
        *marks = from_single_keys(elements);
        return unknown;
    }
    for (const auto& range : pair_up(std::move(elements), key_bytes(set))) {
        if (auto* ports = std::get_if<PortElements>(&set.elements)) {
            ports->push_back({from_key<Port>(range.first), from_key<Port>(range.last)});
        } else if (auto* users = std::get_if<UidElements>(&set.elements)) {
            users->push_back({from_key<Uid>(range.first), from_key<Uid>(range.last)});
        } else if (auto* groups = std::get_if<GidElements>(&set.elements)) {
            groups->push_back({from_key<Gid>(range.first), from_key<Gid>(range.last)});
        } else {
            auto& addresses = std::get<AddressElements>(set.elements);
            if (const auto network = to_network(range, addresses.family)) {
                addresses.networks.push_back(*network);
            } else {
                unknown.push_back(
                    "element " + to_address(range.first, addresses.family).to_string() + "-" +
                    to_address(range.last, addresses.family).to_string() + " in set " + set.name);
            }
        }
    }
    return unknown;
}

}  // namespace meshgate::netfilter
