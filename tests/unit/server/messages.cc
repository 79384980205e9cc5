#include "tests/unit/server/messages.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace meshgate::test {

namespace {

void put16(Bytes& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace

Bytes query(std::uint16_t id, std::string_view name, std::uint16_t type,
            std::optional<std::uint16_t> edns_size) {
    Bytes out;
    put16(out, id);
    put16(out, 0x0100);
    put16(out, 1);
    put16(out, 0);
    put16(out, 0);
    put16(out, edns_size ? 1 : 0);
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    out.push_back(0);
    put16(out, type);
    put16(out, 1);
    if (edns_size) {
        out.push_back(0);
        put16(out, 41);
        put16(out, *edns_size);
        out.insert(out.end(), 6, 0);
    }
    return out;
}

std::uint16_t id_of(std::span<const std::uint8_t> message) {
    return static_cast<std::uint16_t>(message[0] << 8 | message[1]);
}

unsigned rcode_of(std::span<const std::uint8_t> message) {
    return message[3] & 0x0fU;
}

bool is_truncated(std::span<const std::uint8_t> message) {
    return (message[2] & 0x02) != 0;
}

std::optional<unsigned> extended_error(std::span<const std::uint8_t> message) {
    if (message.size() < 18) return std::nullopt;
    const auto option = message.last(6);
    if (option[0] != 0 || option[1] != 15 || option[2] != 0 || option[3] != 2) return std::nullopt;
    return option[4] << 8 | option[5];
}

conf::SocketAddress address(std::string_view text, std::uint16_t port) {
    const auto parsed = conf::IpAddress::parse(text);
    if (!parsed) throw std::invalid_argument{std::string{text}};
    return {*parsed, port, {}};
}

}  // namespace meshgate::test
