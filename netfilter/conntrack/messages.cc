#include "netfilter/conntrack/messages.h"

#include "netfilter/conntrack/kernel_headers.h"

#include <algorithm>
#include <cassert>

namespace meshgate::netfilter {
namespace {

using conf::Family;
using conf::Protocol;

/// nf_conntrack_tcp_timeout_established as the kernel has it by default: five days.
constexpr std::uint32_t tcp_idle_seconds = 432000;
constexpr std::uint32_t udp_idle_seconds = 120;

std::uint8_t family_of(const Connection& connection) {
    return connection.original.source.family() == Family::ipv4 ? AF_INET : AF_INET6;
}

Tuple turned_round(const Tuple& tuple) {
    return {tuple.destination, tuple.source, tuple.dport, tuple.sport, tuple.zone};
}

}  // namespace

ConntrackMessage::ConntrackMessage(std::uint8_t type, std::uint8_t family)
    : size_(NLMSG_LENGTH(sizeof(nfgenmsg))) {
    header().nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type);
    auto& generic = *reinterpret_cast<nfgenmsg*>(buffer_.data() + NLMSG_HDRLEN);
    generic.nfgen_family = family;
    generic.version = NFNETLINK_V0;
}

nlmsghdr& ConntrackMessage::header() noexcept {
    auto& header = *reinterpret_cast<nlmsghdr*>(buffer_.data());
    header.nlmsg_len = static_cast<std::uint32_t>(size_);
    return header;
}

void ConntrackMessage::put(std::uint16_t type, std::span<const std::uint8_t> value) {
    assert(size_ + NLA_HDRLEN + NLA_ALIGN(value.size()) <= buffer_.size());
    auto& attribute = *reinterpret_cast<nlattr*>(buffer_.data() + size_);
    attribute.nla_type = type;
    attribute.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + value.size());
    std::ranges::copy(value, buffer_.data() + size_ + NLA_HDRLEN);
    size_ += NLA_ALIGN(attribute.nla_len);
}

void ConntrackMessage::put_u8(std::uint16_t type, std::uint8_t value) {
    put(type, std::span{&value, 1});
}

void ConntrackMessage::put_u16(std::uint16_t type, std::uint16_t value) {
    const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(value >> 8),
                                            static_cast<std::uint8_t>(value)};
    put(type, bytes);
}

void ConntrackMessage::put_u32(std::uint16_t type, std::uint32_t value) {
    const std::array<std::uint8_t, 4> bytes{
        static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
        static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
    put(type, bytes);
}

template <class Fill>
void ConntrackMessage::nest(std::uint16_t type, Fill fill) {
    const auto at = size_;
    put(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
    fill();
    reinterpret_cast<nlattr*>(buffer_.data() + at)->nla_len =
        static_cast<std::uint16_t>(size_ - at);
}

void ConntrackMessage::put_tuple(std::uint16_t type, Protocol protocol, const Tuple& tuple,
                                 std::uint16_t zone) {
    const bool ipv4 = tuple.source.family() == Family::ipv4;
    nest(type, [&] {
        nest(CTA_TUPLE_IP, [&] {
            put(ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, tuple.source.bytes());
            put(ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, tuple.destination.bytes());
        });
        nest(CTA_TUPLE_PROTO, [&] {
            put_u8(CTA_PROTO_NUM, protocol == Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP);
            put_u16(CTA_PROTO_SRC_PORT, tuple.sport);
            put_u16(CTA_PROTO_DST_PORT, tuple.dport);
        });
        if (zone != 0) put_u16(CTA_TUPLE_ZONE, zone);
    });
}

void ConntrackMessage::put_zone(std::uint16_t zone) {
    if (zone != 0) put_u16(CTA_ZONE, zone);
}

void ConntrackMessage::put_established() {
    const std::array<std::uint8_t, sizeof(nf_ct_tcp_flags)> liberal{
        IP_CT_TCP_FLAG_BE_LIBERAL, IP_CT_TCP_FLAG_BE_LIBERAL};  // the flags, their mask
    nest(CTA_PROTOINFO, [&] {
        nest(CTA_PROTOINFO_TCP, [&] {
            put_u8(CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
            put(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, liberal);
            put(CTA_PROTOINFO_TCP_FLAGS_REPLY, liberal);
        });
    });
}

ConntrackMessage removal_of(const Connection& connection) {
    ConntrackMessage message{IPCTNL_MSG_CT_DELETE, family_of(connection)};
    const auto& tuple = connection.original;
    const bool of_both = tuple.zone == connection.reply.zone;
    message.put_tuple(CTA_TUPLE_ORIG, connection.protocol, tuple, of_both ? 0 : tuple.zone);
    if (of_both) message.put_zone(tuple.zone);
    message.put_u32(CTA_ID, connection.id);
    return message;
}

ConntrackMessage question_for(Protocol protocol, const Tuple& original) {
    const bool ipv4 = original.source.family() == Family::ipv4;
    ConntrackMessage message{IPCTNL_MSG_CT_GET, static_cast<std::uint8_t>(ipv4 ? AF_INET : AF_INET6)};
    message.put_tuple(CTA_TUPLE_ORIG, protocol, original, original.zone);
    return message;
}

ConntrackMessage entry_for(const Connection& connection) {
    ConntrackMessage message{IPCTNL_MSG_CT_NEW, family_of(connection)};
    const auto& tuple = connection.original;
    message.put_tuple(CTA_TUPLE_ORIG, connection.protocol, tuple, 0);
    message.put_tuple(CTA_TUPLE_REPLY, connection.protocol, turned_round(tuple), 0);
    message.put_zone(tuple.zone);
    message.put_u32(CTA_STATUS, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
    const bool tcp = connection.protocol == Protocol::tcp;
    message.put_u32(CTA_TIMEOUT, tcp ? tcp_idle_seconds : udp_idle_seconds);
    if (tcp) message.put_established();
    return message;
}

}  // namespace meshgate::netfilter
