#include "netfilter/conntrack/attributes.h"

#include "netfilter/conntrack/kernel_headers.h"
#include "netfilter/nftnl/netlink.h"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>

namespace meshgate::netfilter {
namespace {

using conf::IpAddress;
using conf::Protocol;

/// A tuple in the making: what the kernel has said of it so far.
struct PartialTuple {
    std::optional<IpAddress> source, destination;
    std::optional<std::uint8_t> protocol;
    std::optional<conf::Port> sport, dport;
    std::uint16_t zone = 0;

    [[nodiscard]] bool is_whole() const {
        return source && destination && protocol && sport && dport &&
               source->family() == destination->family();
    }
    [[nodiscard]] Tuple whole() const { return {*source, *destination, *sport, *dport, zone}; }
};

struct PartialConnection {
    PartialTuple original, reply;
    std::uint16_t zone = 0;  ///< of both directions
    std::optional<std::uint32_t> status, id;
    std::optional<std::uint8_t> tcp_state;
    std::optional<std::uint64_t> bytes;
};

int type_of(const nlattr& attribute) {
    return attribute.nla_type & NLA_TYPE_MASK;
}

std::span<const std::uint8_t> payload(const nlattr& attribute) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(&attribute) + NLA_HDRLEN;
    return {begin, static_cast<std::size_t>(attribute.nla_len - NLA_HDRLEN)};
}

/// In network byte order, as all numbers of ctnetlink are; none when it has another length.
template <std::unsigned_integral Number>
std::optional<Number> number(const nlattr& attribute) {
    const auto bytes = payload(attribute);
    if (bytes.size() != sizeof(Number)) return std::nullopt;
    std::uint64_t value = 0;
    for (const auto byte : bytes) value = value << 8 | byte;
    return static_cast<Number>(value);
}

std::optional<IpAddress> address(const nlattr& attribute, conf::Family family) {
    const auto bytes = payload(attribute);
    if (family == conf::Family::ipv4) {
        if (bytes.size() != 4) return std::nullopt;
        return IpAddress::ipv4(bytes.first<4>());
    }
    if (bytes.size() != 16) return std::nullopt;
    return IpAddress::ipv6(bytes.first<16>());
}

void read_addresses(const nlattr& nest, PartialTuple& to) {
    for_each_nested(nest, [&to](const nlattr& attribute) {
        switch (type_of(attribute)) {
        case CTA_IP_V4_SRC:
            to.source = address(attribute, conf::Family::ipv4);
            break;
        case CTA_IP_V4_DST:
            to.destination = address(attribute, conf::Family::ipv4);
            break;
        case CTA_IP_V6_SRC:
            to.source = address(attribute, conf::Family::ipv6);
            break;
        case CTA_IP_V6_DST:
            to.destination = address(attribute, conf::Family::ipv6);
            break;
        default:
            break;
        }
    });
}

void read_protocol(const nlattr& nest, PartialTuple& to) {
    for_each_nested(nest, [&to](const nlattr& attribute) {
        switch (type_of(attribute)) {
        case CTA_PROTO_NUM:
            to.protocol = number<std::uint8_t>(attribute);
            break;
        case CTA_PROTO_SRC_PORT:
            to.sport = number<std::uint16_t>(attribute);
            break;
        case CTA_PROTO_DST_PORT:
            to.dport = number<std::uint16_t>(attribute);
            break;
        default:
            break;
        }
    });
}

void read_tuple(const nlattr& nest, PartialTuple& to) {
    for_each_nested(nest, [&to](const nlattr& attribute) {
        switch (type_of(attribute)) {
        case CTA_TUPLE_IP:
            read_addresses(attribute, to);
            break;
        case CTA_TUPLE_PROTO:
            read_protocol(attribute, to);
            break;
        case CTA_TUPLE_ZONE:  // a zone of this direction only
            to.zone = number<std::uint16_t>(attribute).value_or(0);
            break;
        default:
            break;
        }
    });
}

void read_tcp_state(const nlattr& nest, PartialConnection& to) {
    for_each_nested(nest, [&to](const nlattr& protocol) {
        if (type_of(protocol) != CTA_PROTOINFO_TCP) return;
        for_each_nested(protocol, [&to](const nlattr& attribute) {
            if (type_of(attribute) != CTA_PROTOINFO_TCP_STATE) return;
            to.tcp_state = number<std::uint8_t>(attribute);
        });
    });
}

/// Of one direction.
void read_counters(const nlattr& nest, PartialConnection& to) {
    for_each_nested(nest, [&to](const nlattr& attribute) {
        if (type_of(attribute) != CTA_COUNTERS_BYTES) return;
        const auto bytes = number<std::uint64_t>(attribute);
        if (bytes) to.bytes = to.bytes.value_or(0) + *bytes;
    });
}

void read_attribute(const nlattr& attribute, PartialConnection& to) {
    switch (type_of(attribute)) {
    case CTA_TUPLE_ORIG:
        read_tuple(attribute, to.original);
        break;
    case CTA_TUPLE_REPLY:
        read_tuple(attribute, to.reply);
        break;
    case CTA_ZONE:
        to.zone = number<std::uint16_t>(attribute).value_or(0);
        break;
    case CTA_STATUS:
        to.status = number<std::uint32_t>(attribute);
        break;
    case CTA_ID:
        to.id = number<std::uint32_t>(attribute);
        break;
    case CTA_PROTOINFO:
        read_tcp_state(attribute, to);
        break;
    case CTA_COUNTERS_ORIG:
    case CTA_COUNTERS_REPLY:
        read_counters(attribute, to);
        break;
    default:
        break;
    }
}

std::optional<Protocol> protocol_of(const PartialConnection& connection) {
    if (connection.original.protocol != connection.reply.protocol) return std::nullopt;
    if (connection.original.protocol == IPPROTO_TCP) return Protocol::tcp;
    if (connection.original.protocol == IPPROTO_UDP) return Protocol::udp;
    return std::nullopt;
}

Phase phase_of(const PartialConnection& connection) {
    const bool ended = connection.tcp_state == TCP_CONNTRACK_TIME_WAIT ||
                       connection.tcp_state == TCP_CONNTRACK_CLOSE;
    return ended ? Phase::ended : Phase::open;
}

bool is_entry(const nlmsghdr& message) {
    return message.nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) &&
           message.nlmsg_len >= NLMSG_LENGTH(sizeof(nfgenmsg));
}

}  // namespace

std::optional<Connection> parse_connection(const nlmsghdr& message) {
    if (!is_entry(message)) return std::nullopt;
    PartialConnection found;
    for_each_attribute(message, sizeof(nfgenmsg),
                       [&found](const nlattr& attribute) { read_attribute(attribute, found); });
    if (!found.original.is_whole() || !found.reply.is_whole() || !found.status || !found.id ||
        found.original.source->family() != found.reply.source->family()) {
        return std::nullopt;
    }
    const auto protocol = protocol_of(found);
    if (!protocol) return std::nullopt;
    Connection connection{.protocol = *protocol,
                          .original = found.original.whole(),
                          .reply = found.reply.whole(),
                          .answered = (*found.status & IPS_SEEN_REPLY) != 0,
                          .phase = phase_of(found),
                          .id = *found.id,
                          .bytes = found.bytes};
    if (found.zone != 0) connection.original.zone = connection.reply.zone = found.zone;
    return connection;
}

}  // namespace meshgate::netfilter
