#include "netfilter/nftnl/trace_event.h"

#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/netlink.h"

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <array>
#include <cstring>
#include <span>

namespace meshgate::netfilter {
namespace {

using Header = std::span<const std::uint8_t>;

/// The attributes of a message that count here; the rest is passed over.
struct TraceAttributes {
    std::array<const nlattr*, NFTA_TRACE_MAX + 1> of{};

    [[nodiscard]] std::optional<std::uint32_t> u32(int type) const {
        if (of[type] == nullptr || mnl_attr_validate(of[type], MNL_TYPE_U32) != 0) {
            return std::nullopt;
        }
        return ntohl(mnl_attr_get_u32(of[type]));
    }
    [[nodiscard]] std::string text(int type) const {
        if (of[type] == nullptr || mnl_attr_validate(of[type], MNL_TYPE_NUL_STRING) != 0) return "";
        return mnl_attr_get_str(of[type]);
    }
    [[nodiscard]] Header bytes(int type) const {
        if (of[type] == nullptr) return {};
        return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(of[type])),
                mnl_attr_get_payload_len(of[type])};
    }
};

std::string trace_family(std::uint8_t number) {
    if (number == NFPROTO_INET) return "inet";
    if (number == NFPROTO_IPV4) return "ip";
    return number == NFPROTO_IPV6 ? "ip6" : "";
}

std::optional<TraceEvent::Kind> kind_of(std::optional<std::uint32_t> type) {
    if (type == NFT_TRACETYPE_RULE) return TraceEvent::Kind::rule;
    if (type == NFT_TRACETYPE_RETURN) return TraceEvent::Kind::chain_end;
    if (type == NFT_TRACETYPE_POLICY) return TraceEvent::Kind::policy;
    return std::nullopt;
}

std::string verdict_words(std::uint32_t code, const std::string& chain) {
    switch (static_cast<int>(code)) {
    case NFT_CONTINUE:
        return "continue";
    case NFT_BREAK:
        return "break";
    case NFT_JUMP:
        return "jump " + chain;
    case NFT_GOTO:
        return "goto " + chain;
    case NFT_RETURN:
        return "return";
    default:
        break;
    }
    switch (code & NF_VERDICT_MASK) {
    case NF_DROP:
        return "drop";
    case NF_ACCEPT:
        return "accept";
    case NF_QUEUE:
        return "queue";
    case NF_STOLEN:
        return "stolen";
    default:
        return "verdict " + std::to_string(code);
    }
}

std::string verdict_of(const nlattr& verdict) {
    std::optional<std::uint32_t> code;
    std::string chain;
    for_each_nested(verdict, [&](const nlattr& attribute) {
        const auto type = mnl_attr_get_type(&attribute);
        if (type == NFTA_VERDICT_CODE && mnl_attr_validate(&attribute, MNL_TYPE_U32) == 0) {
            code = ntohl(mnl_attr_get_u32(&attribute));
        }
        if (type == NFTA_VERDICT_CHAIN &&
            mnl_attr_validate(&attribute, MNL_TYPE_NUL_STRING) == 0) {
            chain = mnl_attr_get_str(&attribute);
        }
    });
    return code ? verdict_words(*code, chain) : "";
}

conf::Port port_at(Header header, std::size_t at) {
    return static_cast<conf::Port>(header[at] << 8 | header[at + 1]);
}

/// Without options and extension headers, as the packets are that are traced here.
std::optional<TracedPacket> packet_of(Header network, Header transport) {
    constexpr std::size_t bytes4 = 20, bytes6 = 40;
    if (network.empty() || transport.size() < 4) return std::nullopt;
    TracedPacket packet;
    std::uint8_t protocol = 0;
    if (network[0] >> 4 == 4 && network.size() >= bytes4) {
        protocol = network[9];
        packet.source = conf::IpAddress::ipv4(network.subspan(12).first<4>());
        packet.destination = conf::IpAddress::ipv4(network.subspan(16).first<4>());
    } else if (network[0] >> 4 == 6 && network.size() >= bytes6) {
        protocol = network[6];
        packet.source = conf::IpAddress::ipv6(network.subspan(8).first<16>());
        packet.destination = conf::IpAddress::ipv6(network.subspan(24).first<16>());
    }
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return std::nullopt;
    packet.protocol = protocol == IPPROTO_TCP ? conf::Protocol::tcp : conf::Protocol::udp;
    packet.sport = port_at(transport, 0);
    packet.dport = port_at(transport, 2);
    return packet;
}

std::uint64_t handle_of(Header bytes) {
    std::uint64_t handle = 0;
    if (bytes.size() != sizeof handle) return 0;
    for (const auto byte : bytes) handle = handle << 8 | byte;
    return handle;
}

}  // namespace

std::optional<TraceEvent> parse_trace(const nlmsghdr& message) {
    constexpr std::uint16_t wanted = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE;
    if (message.nlmsg_type != wanted || message.nlmsg_len < NLMSG_LENGTH(sizeof(nfgenmsg))) {
        return std::nullopt;
    }
    TraceAttributes found;
    for_each_attribute(message, sizeof(nfgenmsg), [&found](const nlattr& attribute) {
        const auto type = mnl_attr_get_type(&attribute);
        if (type <= NFTA_TRACE_MAX) found.of[type] = &attribute;
    });
    const auto* generic = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message));
    const auto id = found.u32(NFTA_TRACE_ID);
    const auto kind = kind_of(found.u32(NFTA_TRACE_TYPE));
    TraceEvent event;
    event.family = trace_family(generic->nfgen_family);
    event.table = found.text(NFTA_TRACE_TABLE);
    event.chain = found.text(NFTA_TRACE_CHAIN);
    if (!id || !kind || event.family.empty() || event.table.empty()) return std::nullopt;
    event.id = *id;
    event.kind = *kind;
    event.rule = handle_of(found.bytes(NFTA_TRACE_RULE_HANDLE));
    event.in = found.u32(NFTA_TRACE_IIF).value_or(0);
    event.out = found.u32(NFTA_TRACE_OIF).value_or(0);
    if (found.of[NFTA_TRACE_VERDICT] != nullptr) {
        event.verdict = verdict_of(*found.of[NFTA_TRACE_VERDICT]);
    } else if (const auto policy = found.u32(NFTA_TRACE_POLICY)) {
        event.verdict = verdict_words(*policy, "");
    }
    event.packet = packet_of(found.bytes(NFTA_TRACE_NETWORK_HEADER),
                             found.bytes(NFTA_TRACE_TRANSPORT_HEADER));
    return event;
}

}  // namespace meshgate::netfilter
