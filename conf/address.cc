#include "conf/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace meshgate::conf {
namespace {

/// inet_pton wants a C string; no address is longer than this.
template <std::size_t Size>
bool to_c_string(std::string_view text, std::array<char, Size>& out) noexcept {
    if (text.empty() || text.size() >= Size || text.find('\0') != text.npos) return false;
    std::copy(text.begin(), text.end(), out.begin());
    out[text.size()] = '\0';
    return true;
}

/// Decimal digits only, no sign, no leading zero.
std::optional<unsigned> parse_number(std::string_view text, unsigned max) noexcept {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) {
        return std::nullopt;
    }
    return value;
}

/// `address` with every bit below `prefix` set (or cleared).
IpAddress with_host_bits(const IpAddress& address, std::uint8_t prefix, bool set) noexcept {
    std::array<std::uint8_t, 16> bytes{};
    const auto from = address.bytes();
    for (std::size_t i = 0; i < from.size(); ++i) {
        const int kept = std::clamp(static_cast<int>(prefix) - static_cast<int>(i) * 8, 0, 8);
        const auto host = static_cast<std::uint8_t>(0xff >> kept);
        bytes[i] = static_cast<std::uint8_t>(set ? from[i] | host : from[i] & ~host);
    }
    if (address.family() == Family::ipv4) {
        return IpAddress::ipv4(std::span<const std::uint8_t, 4>{bytes.data(), 4});
    }
    return IpAddress::ipv6(bytes);
}

bool matches(std::span<const std::uint8_t> address, std::initializer_list<std::uint8_t> value,
             std::initializer_list<std::uint8_t> mask) noexcept {
    return std::equal(value.begin(), value.end(), address.begin(),
                      [m = mask.begin()](std::uint8_t wanted, std::uint8_t found) mutable {
                          return wanted == (found & *m++);
                      });
}

}  // namespace

IpAddress IpAddress::ipv4(std::span<const std::uint8_t, 4> bytes) noexcept {
    IpAddress address;
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
    return address;
}

IpAddress IpAddress::ipv6(std::span<const std::uint8_t, 16> bytes) noexcept {
    IpAddress address;
    address.family_ = Family::ipv6;
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (!to_c_string(text, buffer)) return std::nullopt;
    std::array<std::uint8_t, 16> bytes{};
    if (::inet_pton(AF_INET, buffer.data(), bytes.data()) == 1) {
        return ipv4(std::span<const std::uint8_t, 4>{bytes.data(), 4});
    }
    if (::inet_pton(AF_INET6, buffer.data(), bytes.data()) == 1) return ipv6(bytes);
    return std::nullopt;
}

std::span<const std::uint8_t> IpAddress::bytes() const noexcept {
    return std::span{bytes_}.first(family_ == Family::ipv4 ? 4U : 16U);
}

bool IpAddress::is_loopback() const noexcept {
    if (family_ == Family::ipv4) return bytes_[0] == 127;
    return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto byte) { return byte == 0; }) &&
           bytes_[15] == 1;
}

bool IpAddress::is_link_local() const noexcept {
    if (family_ == Family::ipv4) return matches(bytes(), {169, 254}, {0xff, 0xff});
    return matches(bytes(), {0xfe, 0x80}, {0xff, 0xc0});
}

bool IpAddress::is_unspecified() const noexcept {
    return std::all_of(bytes_.begin(), bytes_.end(), [](auto byte) { return byte == 0; });
}

bool IpAddress::can_be_virtual() const noexcept {
    if (const auto ipv4 = unmapped()) return ipv4->can_be_virtual();
    if (is_unspecified() || is_loopback()) return false;
    if (family_ == Family::ipv6) return bytes_[0] != 0xff;  // RFC 4291 section 2.7
    const bool broadcast = matches(bytes(), {0xff, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff});
    // "This network", RFC 6890 table 1; multicast, RFC 5771.
    return bytes_[0] != 0 && (bytes_[0] & 0xf0U) != 0xe0 && !broadcast;
}

std::optional<IpAddress> IpAddress::unmapped() const noexcept {
    constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (family_ != Family::ipv6 || !std::equal(prefix.begin(), prefix.end(), bytes_.begin())) {
        return std::nullopt;
    }
    return ipv4(std::span<const std::uint8_t, 4>{bytes_.data() + prefix.size(), 4});
}

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (family_ == Family::ipv6) {
        ::inet_ntop(AF_INET6, bytes_.data(), buffer.data(), buffer.size());
        return buffer.data();
    }
    // Not by inet_ntop(), which is sprintf(): digests are made of thousands of addresses.
    char* end = buffer.data();
    for (const std::uint8_t byte : bytes()) {
        if (end != buffer.data()) *end++ = '.';
        end = std::to_chars(end, buffer.data() + buffer.size(), byte).ptr;
    }
    return {buffer.data(), end};
}

std::optional<Cidr> Cidr::parse(std::string_view text) noexcept {
    const auto slash = text.find('/');
    const auto base = IpAddress::parse(text.substr(0, slash));
    if (!base) return std::nullopt;
    const unsigned bits = base->family() == Family::ipv4 ? 32 : 128;
    const auto prefix =
        slash == text.npos ? std::optional{bits} : parse_number(text.substr(slash + 1), bits);
    if (!prefix) return std::nullopt;
    const Cidr network{*base, static_cast<std::uint8_t>(*prefix)};
    if (with_host_bits(*base, network.prefix, false) != *base) return std::nullopt;
    return network;
}

bool Cidr::contains(const IpAddress& address) const noexcept {
    return address.family() == base.family() && with_host_bits(address, prefix, false) == base;
}

bool Cidr::contains(const Cidr& other) const noexcept {
    return other.prefix >= prefix && contains(other.base);
}

IpAddress Cidr::last() const noexcept {
    return with_host_bits(base, prefix, true);
}

std::optional<Cidr> Cidr::unmapped() const noexcept {
    const auto ipv4 = base.unmapped();
    if (!ipv4 || prefix < 96) return std::nullopt;
    return Cidr{*ipv4, static_cast<std::uint8_t>(prefix - 96)};
}

std::string Cidr::to_string() const {
    return base.to_string() + "/" + std::to_string(prefix);
}

}  // namespace meshgate::conf
