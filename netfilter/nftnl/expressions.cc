#include "netfilter/nftnl/expressions.h"

#include "netfilter/nftnl/expression_writer.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/sets.h"
#include "netfilter/nftnl/userdata.h"

#include <linux/rtnetlink.h>
#include <net/if_arp.h>

#include <libnftnl/udata.h>

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace meshgate::netfilter {

namespace {

std::array<std::uint8_t, 2> network_order(Port port) {
    return {static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port & 0xff)};
}

/// The object representation: values that the kernel keeps in host order (uids, marks, types).
template <class Number>
Bytes host_order(const Number& number) {
    static_assert(std::is_integral_v<Number>);
    return {reinterpret_cast<const std::uint8_t*>(&number), sizeof number};
}

struct Building {
    ExpressionWriter expressions;
    std::string_view table;
    std::vector<NftSet>& protocol_sets;
    std::uint32_t& next_set_id;
};

constexpr nft_cmp_ops to_cmp(Sense sense) {
    return sense == Sense::equal ? NFT_CMP_EQ : NFT_CMP_NEQ;
}

// meta nfproto ipv4
void add(Building& to, const MatchFamily& match) {
    to.expressions.meta(NFT_META_NFPROTO);
    to.expressions.cmp(NFT_CMP_EQ, host_order(layout::nfproto(match.family)));
}

// meta l4proto tcp
// meta l4proto { tcp, udp }
void add(Building& to, const MatchL4Proto& match) {
    to.expressions.meta(NFT_META_L4PROTO);
    if (match.protocols.size() == 1) {
        to.expressions.cmp(NFT_CMP_EQ, host_order(protocol_number(match.protocols.front())));
        return;
    }
    const auto id = to.next_set_id++;
    to.protocol_sets.push_back(build_protocol_set(to.table, match.protocols, id));
    to.expressions.lookup(nftnl_set_get_str(to.protocol_sets.back().get(), NFTNL_SET_NAME),
                          Sense::equal, id);
}

// th dport 53
// th dport 30-40
// th dport @ports
void add(Building& to, const MatchDport& match) {
    to.expressions.payload(NFT_PAYLOAD_TRANSPORT_HEADER, layout::th_dport_offset,
                           layout::port_bytes);
    if (const auto* set = std::get_if<SetRef>(&match.ports)) {
        to.expressions.lookup(set->name);
        return;
    }
    const auto range = std::get<PortRange>(match.ports);
    if (range.first == range.last) {
        to.expressions.cmp(NFT_CMP_EQ, network_order(range.first));
    } else {
        to.expressions.cmp(NFT_CMP_GTE, network_order(range.first));
        to.expressions.cmp(NFT_CMP_LTE, network_order(range.last));
    }
}

// ip daddr 10.0.0.0/8: whole bytes are loaded and compared as they are
// ip daddr 10.0.0.0/9: the whole address is loaded and masked
void add_network(Building& to, const MatchAddress& match, const Cidr& network) {
    const auto offset = layout::address_offset(match.family, match.field);
    const auto bytes = network.base.bytes();
    if (network.prefix % 8 == 0 && network.prefix != 0) {
        const std::uint32_t length = network.prefix / 8;
        to.expressions.payload(NFT_PAYLOAD_NETWORK_HEADER, offset, length);
        to.expressions.cmp(to_cmp(match.sense), bytes.first(length));
        return;
    }
    to.expressions.payload(NFT_PAYLOAD_NETWORK_HEADER, offset, layout::address_bytes(match.family));
    to.expressions.mask(layout::prefix_mask(network.prefix, bytes.size()));
    to.expressions.cmp(to_cmp(match.sense), bytes);
}

// meta nfproto ipv4 ip daddr @networks (nft prints the first part only where it is no
// consequence of the second)
void add(Building& to, const MatchAddress& match) {
    add(to, MatchFamily{match.family});
    if (const auto* network = std::get_if<Cidr>(&match.networks)) {
        add_network(to, match, *network);
        return;
    }
    to.expressions.payload(NFT_PAYLOAD_NETWORK_HEADER,
                           layout::address_offset(match.family, match.field),
                           layout::address_bytes(match.family));
    to.expressions.lookup(std::get<SetRef>(match.networks).name, match.sense);
}

// meta skuid 5678
// meta skuid @users
void add(Building& to, const MatchSkuid& match) {
    to.expressions.meta(NFT_META_SKUID);
    if (const auto* set = std::get_if<SetRef>(&match.users)) {
        to.expressions.host_to_network_u32();  // an interval set sorts its keys bytewise
        to.expressions.lookup(set->name);
    } else {
        to.expressions.cmp(NFT_CMP_EQ, host_order(std::get<Uid>(match.users)));
    }
}

// meta skgid 1001
// meta skgid @groups
void add(Building& to, const MatchSkgid& match) {
    to.expressions.meta(NFT_META_SKGID);
    if (const auto* set = std::get_if<SetRef>(&match.groups)) {
        to.expressions.host_to_network_u32();
        to.expressions.lookup(set->name);
    } else {
        to.expressions.cmp(NFT_CMP_EQ, host_order(std::get<Gid>(match.groups)));
    }
}

// meta mark 0x539
// meta mark & 0xfff @marks
void add(Building& to, const MatchMark& match) {
    to.expressions.meta(NFT_META_MARK);
    if (match.mask != conf::whole_mark) to.expressions.mask(host_order(match.mask));
    if (const auto* set = std::get_if<SetRef>(&match.marks)) {
        to.expressions.lookup(set->name);
    } else {
        to.expressions.cmp(NFT_CMP_EQ, host_order(std::get<Mark>(match.marks)));
    }
}

// counter
// counter name "captured_dns"
void add(Building& to, const CounterRef& counter) {
    if (!counter) return;
    if (counter->empty()) return to.expressions.counter();
    to.expressions.named_counter(*counter);
}

// meta oiftype != loopback
void add(Building& to, const MatchLoopback& match) {
    to.expressions.meta(match.device == Device::in ? NFT_META_IIFTYPE : NFT_META_OIFTYPE);
    to.expressions.cmp(to_cmp(match.sense), host_order(std::uint16_t{ARPHRD_LOOPBACK}));
}

// iifname "docker0"
// iifname "br-*": only the bytes before the star are compared
void add(Building& to, const MatchInterface& match) {
    to.expressions.meta(match.device == Device::in ? NFT_META_IIFNAME : NFT_META_OIFNAME);
    std::array<std::uint8_t, layout::interface_name_bytes> name{};
    const bool prefix = match.name.ends_with('*');
    const auto length = std::min<std::size_t>(match.name.size() - (prefix ? 1 : 0), name.size());
    if (length == 0) throw std::invalid_argument("an interface name of no bytes");
    std::copy_n(match.name.begin(), length, name.begin());
    to.expressions.cmp(NFT_CMP_EQ, Bytes{name}.first(prefix ? length : name.size()));
}

// fib daddr type local
void add(Building& to, const MatchLocalDestination&) {
    to.expressions.fib_type(NFTA_FIB_F_DADDR);
    to.expressions.cmp(NFT_CMP_EQ, host_order(std::uint32_t{RTN_LOCAL}));
}

// ct state invalid
void add(Building& to, const MatchInvalid&) {
    to.expressions.ct_state();
    to.expressions.mask(host_order(layout::ct_state_invalid));
    to.expressions.cmp(NFT_CMP_NEQ, host_order(std::uint32_t{0}));
}

// ct original ip daddr @set: the kernel looks at the family of the connection itself.
void add(Building& to, const MatchOriginalDestination& match) {
    to.expressions.ct_original(match.family == Family::ipv4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6);
    to.expressions.lookup(match.networks.name);
}

// fib saddr type local
// fib saddr . oif type != local
void add(Building& to, const MatchLocalSource& match) {
    std::uint32_t flags = NFTA_FIB_F_SADDR;
    if (match.of_interface) flags |= NFTA_FIB_F_OIF;
    to.expressions.fib_type(flags);
    to.expressions.cmp(to_cmp(match.sense), host_order(std::uint32_t{RTN_LOCAL}));
}

// meta nfproto ipv4 meta l4proto tcp ip daddr . tcp dport, into the registers of a key
void load_destination(Building& to, Family family, Protocol protocol) {
    add(to, MatchFamily{family});
    add(to, MatchL4Proto{{protocol}});
    to.expressions.payload(NFT_PAYLOAD_NETWORK_HEADER,
                           layout::address_offset(family, MatchAddress::Field::daddr),
                           layout::address_bytes(family));
    to.expressions.payload(NFT_PAYLOAD_TRANSPORT_HEADER, layout::th_dport_offset,
                           layout::port_bytes, layout::key_registers(family).port);
}

// return
void add(Building& to, const Return&) {
    to.expressions.verdict(NFT_RETURN);
}

// drop
void add(Building& to, const Drop&) {
    to.expressions.verdict(NF_DROP);
}

// jump chain
void add(Building& to, const Jump& jump) {
    to.expressions.verdict(NFT_JUMP, jump.chain);
}

// redirect to :15001
void add(Building& to, const RedirectTo& redirect) {
    to.expressions.immediate(network_order(redirect.port));
    to.expressions.redirect_to_port();
}

// ct original zone set 15053
void add(Building& to, const OriginalZone& zone) {
    to.expressions.immediate(host_order(zone.zone));
    to.expressions.set_original_zone();
}

// ip daddr . tcp dport vmap @map
void add(Building& to, const ToClass& destination) {
    load_destination(to, destination.family, destination.protocol);
    to.expressions.lookup_verdict(destination.map);
}

// numgen random mod 4
// jhash ip saddr mod 4 seed S
void load_slot(Building& to, const DnatToSlot& dnat) {
    const auto registers = layout::key_registers(dnat.family);
    if (dnat.choice != SlotChoice::by_client) {
        const auto type = dnat.choice == SlotChoice::random ? NFT_NG_RANDOM : NFT_NG_INCREMENTAL;
        to.expressions.numgen(type, dnat.slots, registers.slot);
        return;
    }
    const auto bytes = layout::address_bytes(dnat.family);
    to.expressions.payload(NFT_PAYLOAD_NETWORK_HEADER,
                           layout::address_offset(dnat.family, MatchAddress::Field::saddr), bytes,
                           registers.client);
    to.expressions.jhash(registers.client, bytes, dnat.slots, client_hash_seed, registers.slot);
}

// dnat ip to ip daddr . tcp dport . numgen random mod 4 map @map
void add(Building& to, const DnatToSlot& dnat) {
    load_destination(to, dnat.family, dnat.protocol);
    load_slot(to, dnat);
    to.expressions.lookup_value(dnat.map);
    to.expressions.dnat(layout::nfproto(dnat.family), layout::key_registers(dnat.family).port);
}

// masquerade
void add(Building& to, const Masquerade&) {
    to.expressions.masquerade();
}

// reject with tcp reset
// reject with icmpx port-unreachable
void add(Building& to, const Reject& reject) {
    if (reject.tcp_reset) {
        to.expressions.reject(NFT_REJECT_TCP_RST, 0);
    } else {
        to.expressions.reject(NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH);
    }
}

}  // namespace

namespace layout {

// The client's are those that nft takes for it.
KeyRegisters key_registers(Family family) noexcept {
    if (family == Family::ipv4) {
        return {.port = NFT_REG32_01, .slot = NFT_REG32_02, .client = NFT_REG32_07};
    }
    return {.port = NFT_REG_2, .slot = NFT_REG32_05, .client = NFT_REG32_10};
}

std::uint32_t address_bytes(Family family) noexcept {
    return family == Family::ipv4 ? 4 : 16;
}

std::uint32_t address_offset(Family family, MatchAddress::Field field) noexcept {
    const bool source = field == MatchAddress::Field::saddr;
    if (family == Family::ipv4) return source ? 12 : 16;  // struct iphdr
    return source ? 8 : 24;                               // struct ipv6hdr
}

std::uint8_t nfproto(Family family) noexcept {
    return family == Family::ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

std::vector<std::uint8_t> prefix_mask(std::size_t prefix, std::size_t bytes) {
    std::vector<std::uint8_t> mask(bytes);
    for (std::size_t bit = 0; bit < std::min(prefix, bytes * 8); ++bit) {
        mask[bit / 8] = static_cast<std::uint8_t>(mask[bit / 8] | (0x80 >> (bit % 8)));
    }
    return mask;
}

}  // namespace layout

BuiltRule build_rule(std::string_view table, std::string_view chain, const Rule& rule,
                     std::uint32_t& next_set_id) {
    BuiltRule built{own<NftRule>(nftnl_rule_alloc()), {}};
    nftnl_rule_set_u32(built.rule.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
    nftnl_rule_set_str(built.rule.get(), NFTNL_RULE_TABLE, std::string{table}.c_str());
    nftnl_rule_set_str(built.rule.get(), NFTNL_RULE_CHAIN, std::string{chain}.c_str());

    Building to{ExpressionWriter{*built.rule}, table, built.protocol_sets, next_set_id};
    for (const auto& match : rule.matches) {
        std::visit([&to](const auto& one) { add(to, one); }, match);
    }
    add(to, rule.counter);
    if (!rule.log_prefix.empty()) to.expressions.log(rule.log_prefix, NFT_LOGLEVEL_DEBUG);
    std::visit([&to](const auto& one) { add(to, one); }, rule.verdict);

    Userdata userdata;
    put_text(userdata, NFTNL_UDATA_RULE_COMMENT, rule.comment);
    if (!userdata.empty()) {
        nftnl_rule_set_data(built.rule.get(), NFTNL_RULE_USERDATA, userdata.data(),
                            static_cast<std::uint32_t>(userdata.size()));
    }
    return built;
}

}  // namespace meshgate::netfilter
