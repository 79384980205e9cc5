#include "netfilter/nftnl/tracer.h"

#include "netfilter/nftnl/batch.h"
#include "netfilter/nftnl/expression_writer.h"
#include "netfilter/nftnl/messages.h"
#include "src/common/errors.h"

#include <sys/socket.h>

#include <linux/netlink.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace meshgate::netfilter {
namespace {

/// Before every chain of anybody: conntrack's defragmentation is at -400.
constexpr std::int32_t trace_priority = -450;
constexpr std::uint32_t owner_flag = 0x2;  // NFT_TABLE_F_OWNER; not in the headers of Debian 12's libc

std::array<std::uint8_t, 2> port_in_network_order(conf::Port port) {
    return {static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port)};
}

NftTable trace_table_of(bool owned) {
    auto table = own<NftTable>(nftnl_table_alloc());
    nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_INET);
    nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, trace_table);
    if (owned) nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, owner_flag);
    return table;
}

NftChain trace_chain(const std::string& name, std::uint32_t hook) {
    auto chain = own<NftChain>(nftnl_chain_alloc());
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_FAMILY, NFPROTO_INET);
    nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, trace_table);
    nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str());
    nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, "filter");
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, hook);
    nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, trace_priority);
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
    return chain;
}

/// The end of a flow that a rule is about.
struct TracedEnd {
    MatchAddress::Field field;
    const conf::IpAddress& address;
    std::uint32_t port_offset;
    conf::Port port;
};

void match_end(ExpressionWriter& writer, const TracedEnd& end) {
    const auto family = end.address.family();
    writer.payload(NFT_PAYLOAD_NETWORK_HEADER, layout::address_offset(family, end.field),
                   layout::address_bytes(family));
    writer.cmp(NFT_CMP_EQ, end.address.bytes());
    writer.payload(NFT_PAYLOAD_TRANSPORT_HEADER, end.port_offset, layout::port_bytes);
    writer.cmp(NFT_CMP_EQ, port_in_network_order(end.port));
}

/// tcp flags & (syn | ack) == syn
void match_first_of_tcp(ExpressionWriter& writer) {
    constexpr std::uint32_t flags_offset = 13;
    constexpr std::array<std::uint8_t, 1> syn{0x02}, syn_and_ack{0x12};
    writer.payload(NFT_PAYLOAD_TRANSPORT_HEADER, flags_offset, 1);
    writer.mask(syn_and_ack);
    writer.cmp(NFT_CMP_EQ, syn);
}

/// meta nfproto, meta l4proto, ip saddr, th sport, ip daddr, th dport, meta nftrace set 1
/// @param wherever  it may have another destination by now
NftRule marking_rule(const std::string& chain, const TracedPacket& flow, bool wherever) {
    auto rule = own<NftRule>(nftnl_rule_alloc());
    nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, trace_table);
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.c_str());
    ExpressionWriter writer{*rule};
    const bool tcp = flow.protocol == conf::Protocol::tcp;
    const std::array nfproto{layout::nfproto(flow.source.family())};
    const std::array l4proto{static_cast<std::uint8_t>(tcp ? IPPROTO_TCP : IPPROTO_UDP)};
    writer.meta(NFT_META_NFPROTO);
    writer.cmp(NFT_CMP_EQ, nfproto);
    writer.meta(NFT_META_L4PROTO);
    writer.cmp(NFT_CMP_EQ, l4proto);
    match_end(writer, {MatchAddress::Field::saddr, flow.source, 0, flow.sport});
    if (!wherever) {
        match_end(writer, {MatchAddress::Field::daddr, flow.destination, layout::th_dport_offset,
                           flow.dport});
    }
    if (tcp) match_first_of_tcp(writer);
    const std::array<std::uint8_t, 1> on{1};
    writer.immediate(on);
    writer.set_trace();
    return rule;
}

}  // namespace

PacketTracer::PacketTracer(const TracedPacket& flow) : table_(NETLINK_NETFILTER) {
    listen();
    try {
        mark(flow, true);
    } catch (const KernelError& error) {
        if (error.error() != EINVAL && error.error() != EOPNOTSUPP) throw;
        owned_ = false;
        mark(flow, false);
    }
}

PacketTracer::~PacketTracer() {
    if (owned_) return;
    Batch batch;
    append_removal(batch, trace_table);
    static_cast<void>(batch.run(table_));
}

void PacketTracer::listen() {
    events_ = UniqueFd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                NETLINK_NETFILTER)};
    const int group = NFNLGRP_NFTRACE;
    const sockaddr_nl local{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    if (!events_ ||
        ::bind(events_.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 ||
        ::setsockopt(events_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) !=
            0) {
        throw_errno("listen for traces");
    }
}

void PacketTracer::mark(const TracedPacket& flow, bool owned) {
    Batch batch;
    const auto table = trace_table_of(owned);
    batch.table(Batch::Table::create, *table, {.kind = "table inet", .name = trace_table});
    for (const auto& [name, hook] : {std::pair<std::string, std::uint32_t>{"output", NF_INET_LOCAL_OUT},
                                     {"prerouting", NF_INET_PRE_ROUTING}}) {
        batch.add(*trace_chain(name, hook), {.kind = "chain", .name = "of the trace"});
        // What was redirected comes in by lo with another destination.
        const bool wherever = hook == NF_INET_PRE_ROUTING;
        batch.append(*marking_rule(name, flow, wherever), {.kind = "rule", .name = "of the trace"});
    }
    if (auto refusal = batch.run(table_)) throw KernelError{*std::move(refusal)};
}

/// The rules of others may trace other packets. After lo it goes under another id.
bool PacketTracer::is_of_packet(const TraceEvent& event) {
    if (std::ranges::find(ids_, event.id) != ids_.end()) return true;
    if (event.table != trace_table) return false;
    ids_.push_back(event.id);
    return true;
}

std::vector<TraceEvent> PacketTracer::take() {
    std::vector<TraceEvent> list;
    std::array<char, 65536> buffer;
    for (;;) {
        sockaddr_nl from{};
        socklen_t bytes = sizeof from;
        const auto got = ::recvfrom(events_.get(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &bytes);
        if (got < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
        if (got <= 0) return list;
        if (from.nl_pid != 0) continue;  // only the kernel counts
        auto rest = static_cast<int>(got);
        const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
        for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest)) {
            auto event = parse_trace(*message);
            if (event && is_of_packet(*event)) list.push_back(*std::move(event));
        }
    }
}

}  // namespace meshgate::netfilter
