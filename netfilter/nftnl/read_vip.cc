#include "netfilter/nftnl/read_vip.h"

#include <utility>

namespace meshgate::netfilter {
namespace {

/// What load_destination() writes.
bool take_destination(ExpressionCursor& cursor, Family family, Protocol protocol) {
    const std::uint8_t number = protocol == Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
    if (!cursor.take_meta(NFT_META_NFPROTO) ||
        cursor.take_equal<std::uint8_t>() != layout::nfproto(family) ||
        !cursor.take_meta(NFT_META_L4PROTO) || cursor.take_equal<std::uint8_t>() != number) {
        return false;
    }
    const auto address = cursor.take_payload(NFT_PAYLOAD_NETWORK_HEADER);
    if (!address ||
        address->offset != layout::address_offset(family, MatchAddress::Field::daddr) ||
        address->bytes != layout::address_bytes(family)) {
        return false;
    }
    const auto port =
        cursor.take_payload(NFT_PAYLOAD_TRANSPORT_HEADER, layout::key_registers(family).port);
    return port && port->offset == layout::th_dport_offset && port->bytes == layout::port_bytes;
}

/// What load_slot() writes.
bool take_slot(ExpressionCursor& cursor, DnatToSlot& dnat) {
    const auto registers = layout::key_registers(dnat.family);
    if (const auto numgen = cursor.take_numgen(registers.slot)) {
        if (numgen->type != NFT_NG_RANDOM && numgen->type != NFT_NG_INCREMENTAL) return false;
        dnat.choice = numgen->type == NFT_NG_RANDOM ? SlotChoice::random : SlotChoice::in_turn;
        dnat.slots = numgen->modulus;
        return true;
    }
    const auto bytes = layout::address_bytes(dnat.family);
    const auto client = cursor.take_payload(NFT_PAYLOAD_NETWORK_HEADER, registers.client);
    if (!client ||
        client->offset != layout::address_offset(dnat.family, MatchAddress::Field::saddr) ||
        client->bytes != bytes) {
        return false;
    }
    const auto modulus =
        cursor.take_jhash(registers.client, bytes, client_hash_seed, registers.slot);
    if (!modulus) return false;
    dnat.choice = SlotChoice::by_client;
    dnat.slots = *modulus;
    return true;
}

std::optional<Verdict> read_vip(ExpressionCursor& cursor, Family family, Protocol protocol) {
    if (!take_destination(cursor, family, protocol)) return std::nullopt;
    if (auto map = cursor.take_map_lookup(NFT_REG_VERDICT)) {
        return ToClass{family, protocol, std::move(*map)};
    }
    DnatToSlot dnat{.family = family, .protocol = protocol, .map = {}};
    if (!take_slot(cursor, dnat)) return std::nullopt;
    auto map = cursor.take_map_lookup(NFT_REG_1);
    if (!map) return std::nullopt;
    dnat.map = std::move(*map);
    if (!cursor.take_dnat(layout::nfproto(family), layout::key_registers(family).port)) {
        return std::nullopt;
    }
    return dnat;
}

}  // namespace

std::optional<Verdict> read_vip_verdict(ExpressionCursor& cursor) {
    if (cursor.take_masquerade()) return Masquerade{};
    if (cursor.take_reject(NFT_REJECT_TCP_RST, 0)) return Reject{.tcp_reset = true};
    if (cursor.take_reject(NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH)) {
        return Reject{.tcp_reset = false};
    }
    const auto start = cursor;
    for (const auto family : {Family::ipv4, Family::ipv6}) {
        for (const auto protocol : {Protocol::tcp, Protocol::udp}) {
            if (auto verdict = read_vip(cursor, family, protocol)) return verdict;
            cursor = start;
        }
    }
    return std::nullopt;
}

}  // namespace meshgate::netfilter
