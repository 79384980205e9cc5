#include "conf/address.h"

#include <net/if.h>

#include <charconv>

namespace meshgate::conf {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || port == 0) {
        return std::nullopt;
    }
    return port;
}

/// An interface name as the kernel takes it (dev_valid_name).
bool is_interface_name(std::string_view name) noexcept {
    return !name.empty() && name.size() < IFNAMSIZ && name.find_first_of("/: \t\n") == name.npos;
}

struct Parts {
    std::string_view host;
    std::optional<std::string_view> port;
};

/// Splits "[HOST]:PORT", "HOST:PORT" and "HOST"; several colons without brackets are an IPv6
/// address alone.
std::optional<Parts> split(std::string_view text) noexcept {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == text.npos) return std::nullopt;
        const auto rest = text.substr(close + 1);
        const Parts parts{text.substr(1, close - 1), std::nullopt};
        if (rest.empty()) return parts;
        if (!rest.starts_with(':')) return std::nullopt;
        return Parts{parts.host, rest.substr(1)};
    }
    const auto colon = text.find(':');
    if (colon == text.npos || text.find(':', colon + 1) != text.npos) {
        return Parts{text, std::nullopt};
    }
    return Parts{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

std::optional<SocketAddress> SocketAddress::parse(std::string_view text,
                                                  std::uint16_t default_port) {
    const auto parts = split(text);
    if (!parts) return std::nullopt;
    const auto percent = parts->host.find('%');
    const auto address = IpAddress::parse(parts->host.substr(0, percent));
    if (!address) return std::nullopt;
    if (text.starts_with('[') && address->family() != Family::ipv6) return std::nullopt;

    SocketAddress result{*address, default_port, {}};
    if (percent != parts->host.npos) {
        const auto scope = parts->host.substr(percent + 1);
        if (address->family() != Family::ipv6 || !is_interface_name(scope)) return std::nullopt;
        result.scope = scope;
    }
    if (parts->port) {
        const auto port = parse_port(*parts->port);
        if (!port) return std::nullopt;
        result.port = *port;
    }
    if (result.port == 0) return std::nullopt;
    return result;
}

std::string SocketAddress::to_string() const {
    std::string host = address.to_string();
    if (!scope.empty()) host += "%" + scope;
    if (address.family() == Family::ipv6) host = "[" + host + "]";
    return host + ":" + std::to_string(port);
}

}  // namespace meshgate::conf
