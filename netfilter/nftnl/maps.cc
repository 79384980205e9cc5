#include "netfilter/nftnl/maps.h"

#include "netfilter/nftnl/expressions.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/sets.h"
#include "netfilter/nftnl/userdata.h"

#include <libnftnl/udata.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

namespace meshgate::netfilter {

namespace {

// nft's numbers for types (enum datatypes), of which a concatenation has six bits each, and for
// what `typeof` names (enum expr_types, enum proto_desc_id and the fields of each protocol).
constexpr std::uint32_t ipv4_addr_type = 7, ipv6_addr_type = 8;
constexpr std::uint32_t inet_service_type = 13, integer_type = 4;
constexpr std::uint32_t payload_expr = 7, concat_expr = 13, numgen_expr = 23;
constexpr std::uint32_t ip_desc = 12, ip6_desc = 13, tcp_desc = 8, udp_desc = 6;
constexpr std::uint32_t ip_daddr = 12, ip6_daddr = 9, dport = 2;
constexpr std::uint32_t no_byteorder = 0;

constexpr std::size_t word_bytes = sizeof(std::uint32_t);
constexpr std::size_t key_bytes_max = 16 + 2 * word_bytes;

std::uint32_t destination_type(Family family) {
    const auto address = family == Family::ipv4 ? ipv4_addr_type : ipv6_addr_type;
    return address << 6 | inet_service_type;
}

std::uint32_t destination_bytes(Family family) {
    return layout::address_bytes(family) + word_bytes;
}

void put_nested(Userdata& to, std::uint8_t type, const Userdata& value) {
    to.push_back(type);
    to.push_back(static_cast<std::uint8_t>(value.size()));
    to.insert(to.end(), value.begin(), value.end());
}

/// An expression and what it is made of.
Userdata typeof_words(std::uint32_t expression, const Userdata& parts) {
    Userdata words;
    put_u32(words, NFTNL_UDATA_SET_TYPEOF_EXPR, expression);
    put_nested(words, NFTNL_UDATA_SET_TYPEOF_DATA, parts);
    return words;
}

Userdata numbers(std::initializer_list<std::uint32_t> list) {
    Userdata words;
    std::uint8_t index = 0;
    for (const auto number : list) put_u32(words, index++, number);
    return words;
}

Userdata destination_typeof(Family family, Protocol protocol, bool with_slot) {
    const bool ipv4 = family == Family::ipv4;
    const auto transport = protocol == Protocol::tcp ? tcp_desc : udp_desc;
    Userdata parts;
    put_nested(parts, 0,
               typeof_words(payload_expr, numbers({ipv4 ? ip_desc : ip6_desc,
                                                   ipv4 ? ip_daddr : ip6_daddr})));
    put_nested(parts, 1, typeof_words(payload_expr, numbers({transport, dport})));
    if (with_slot) {
        constexpr std::uint32_t modulus = 1, offset = 0;
        put_nested(parts, 2,
                   typeof_words(numgen_expr, numbers({NFT_NG_RANDOM, modulus, offset})));
    }
    return typeof_words(concat_expr, parts);
}

NftSet new_map(std::string_view table, std::string_view name) {
    auto built = own<NftSet>(nftnl_set_alloc());
    nftnl_set_set_u32(built.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_str(built.get(), NFTNL_SET_TABLE, std::string{table}.c_str());
    nftnl_set_set_str(built.get(), NFTNL_SET_NAME, std::string{name}.c_str());
    return built;
}

void set_userdata(nftnl_set& set, Userdata userdata, std::string_view comment) {
    put_text(userdata, NFTNL_UDATA_SET_COMMENT, comment);
    if (userdata.empty()) return;
    nftnl_set_set_data(&set, NFTNL_SET_USERDATA, userdata.data(),
                       static_cast<std::uint32_t>(userdata.size()));
}

using MapKey = std::array<std::uint8_t, key_bytes_max>;

/// Address and port; the slot's word_bytes is left 0.
MapKey map_key(const conf::IpAddress& address, Port port) {
    MapKey key{};
    const auto bytes = address.bytes();
    std::ranges::copy(bytes, key.begin());
    key[bytes.size()] = static_cast<std::uint8_t>(port >> 8);
    key[bytes.size() + 1] = static_cast<std::uint8_t>(port & 0xff);
    return key;
}

NftSetElem element_of(const VipClass& one) {
    auto element = own<NftSetElem>(nftnl_set_elem_alloc());
    const auto key = map_key(one.address, one.port);
    nftnl_set_elem_set(element.get(), NFTNL_SET_ELEM_KEY, key.data(),
                       destination_bytes(one.address.family()));
    return element;
}

NftSetElem element_of(const VipSlot& one) {
    auto element = own<NftSetElem>(nftnl_set_elem_alloc());
    const auto bytes = destination_bytes(one.address.family());
    auto key = map_key(one.address, one.port);
    std::memcpy(key.data() + bytes, &one.slot, sizeof one.slot);
    nftnl_set_elem_set(element.get(), NFTNL_SET_ELEM_KEY, key.data(),
                       static_cast<std::uint32_t>(bytes + word_bytes));
    return element;
}

void set_value(nftnl_set_elem& element, const VipClass& one) {
    nftnl_set_elem_set_u32(&element, NFTNL_SET_ELEM_VERDICT, static_cast<std::uint32_t>(NFT_GOTO));
    nftnl_set_elem_set_str(&element, NFTNL_SET_ELEM_CHAIN, one.chain.c_str());
}

void set_value(nftnl_set_elem& element, const VipSlot& one) {
    const auto value = map_key(one.endpoint, one.endpoint_port);
    nftnl_set_elem_set(&element, NFTNL_SET_ELEM_DATA, value.data(),
                       destination_bytes(one.endpoint.family()));
}

template <class Element>
NftSet build(std::string_view table, std::string_view map, std::span<const Element> elements,
             bool with_values) {
    auto built = new_map(table, map);
    for (const auto& one : elements) {
        auto element = element_of(one);
        if (with_values) set_value(*element, one);
        nftnl_set_elem_add(built.get(), element.release());
    }
    return built;
}

struct Destination {
    conf::IpAddress address;
    Port port = 0;
};

std::optional<Destination> to_destination(std::span<const std::uint8_t> bytes, Family family) {
    const std::size_t length = layout::address_bytes(family);
    if (bytes.size() < length + word_bytes) return std::nullopt;
    const auto port = static_cast<Port>(bytes[length] << 8 | bytes[length + 1]);
    if (family == Family::ipv4) return Destination{conf::IpAddress::ipv4(bytes.first<4>()), port};
    return Destination{conf::IpAddress::ipv6(bytes.first<16>()), port};
}

std::span<const std::uint8_t> attribute(nftnl_set_elem& element, std::uint16_t which) {
    std::uint32_t length = 0;
    const auto* bytes = nftnl_set_elem_get(&element, which, &length);
    if (bytes == nullptr) return {};
    return {static_cast<const std::uint8_t*>(bytes), length};
}

std::span<const std::uint8_t> userdata_of(nftnl_set& set) {
    std::uint32_t length = 0;
    const auto* bytes = nftnl_set_get_data(&set, NFTNL_SET_USERDATA, &length);
    if (bytes == nullptr) return {};
    return {static_cast<const std::uint8_t*>(bytes), length};
}

/// Whether it is a plain map of these types.
bool has_types(nftnl_set& set, std::uint32_t key, std::uint32_t data, std::uint32_t data_bytes) {
    return nftnl_set_get_u32(&set, NFTNL_SET_FLAGS) == NFT_SET_MAP &&
           nftnl_set_get_u32(&set, NFTNL_SET_KEY_TYPE) == key &&
           nftnl_set_get_u32(&set, NFTNL_SET_DATA_TYPE) == data &&
           (data_bytes == 0 || nftnl_set_get_u32(&set, NFTNL_SET_DATA_LEN) == data_bytes);
}

std::string comment_of(nftnl_set& set) {
    return std::string{find_text(userdata_of(set), NFTNL_UDATA_SET_COMMENT).value_or("")};
}

Userdata typeof_userdata(Family family, Protocol protocol) {
    Userdata userdata;
    put_u32(userdata, NFTNL_UDATA_SET_KEYBYTEORDER, no_byteorder);
    put_u32(userdata, NFTNL_UDATA_SET_DATABYTEORDER, no_byteorder);
    put_nested(userdata, NFTNL_UDATA_SET_KEY_TYPEOF, destination_typeof(family, protocol, true));
    put_nested(userdata, NFTNL_UDATA_SET_DATA_TYPEOF, destination_typeof(family, protocol, false));
    return userdata;
}

}  // namespace

NftSet build_map(std::string_view table, const ClassMap& map, std::uint32_t id) {
    auto built = new_map(table, map.name);
    nftnl_set_set_u32(built.get(), NFTNL_SET_FLAGS, NFT_SET_MAP);
    nftnl_set_set_u32(built.get(), NFTNL_SET_ID, id);
    nftnl_set_set_u32(built.get(), NFTNL_SET_KEY_TYPE, destination_type(map.family));
    nftnl_set_set_u32(built.get(), NFTNL_SET_KEY_LEN, destination_bytes(map.family));
    nftnl_set_set_u32(built.get(), NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
    nftnl_set_set_u32(built.get(), NFTNL_SET_DATA_LEN, 0);
    set_userdata(*built, {}, map.comment);
    return built;
}

NftSet build_map(std::string_view table, const EndpointMap& map, std::uint32_t id) {
    auto built = new_map(table, map.name);
    const auto type = destination_type(map.family);
    const auto bytes = destination_bytes(map.family);
    nftnl_set_set_u32(built.get(), NFTNL_SET_FLAGS, NFT_SET_MAP);
    nftnl_set_set_u32(built.get(), NFTNL_SET_ID, id);
    nftnl_set_set_u32(built.get(), NFTNL_SET_KEY_TYPE, type << 6 | integer_type);
    nftnl_set_set_u32(built.get(), NFTNL_SET_KEY_LEN, static_cast<std::uint32_t>(bytes + word_bytes));
    nftnl_set_set_u32(built.get(), NFTNL_SET_DATA_TYPE, type);
    nftnl_set_set_u32(built.get(), NFTNL_SET_DATA_LEN, bytes);
    set_userdata(*built, typeof_userdata(map.family, map.protocol), map.comment);
    return built;
}

NftSet build_elements(std::string_view table, std::string_view map,
                      std::span<const VipClass> elements) {
    return build(table, map, elements, true);
}

NftSet build_elements(std::string_view table, std::string_view map,
                      std::span<const VipSlot> elements) {
    return build(table, map, elements, true);
}

NftSet build_keys(std::string_view table, std::string_view map, std::span<const VipClass> keys) {
    return build(table, map, keys, false);
}

NftSet build_keys(std::string_view table, std::string_view map, std::span<const VipSlot> keys) {
    return build(table, map, keys, false);
}

std::optional<ClassMap> to_class_map(nftnl_set& set) {
    for (const auto family : {Family::ipv4, Family::ipv6}) {
        if (!has_types(set, destination_type(family), NFT_DATA_VERDICT, 0)) continue;
        return ClassMap{nftnl_set_get_str(&set, NFTNL_SET_NAME), comment_of(set), family, {}};
    }
    return std::nullopt;
}

std::optional<EndpointMap> to_endpoint_map(nftnl_set& set) {
    for (const auto family : {Family::ipv4, Family::ipv6}) {
        const auto type = destination_type(family);
        if (!has_types(set, type << 6 | integer_type, type, destination_bytes(family))) continue;
        for (const auto protocol : {Protocol::tcp, Protocol::udp}) {
            const auto expected = typeof_userdata(family, protocol);
            const auto found = userdata_of(set);
            if (found.size() < expected.size() ||
                !std::ranges::equal(found.first(expected.size()), expected)) {
                continue;
            }
            return EndpointMap{
                nftnl_set_get_str(&set, NFTNL_SET_NAME), comment_of(set), family, protocol, {}};
        }
    }
    return std::nullopt;
}

std::optional<VipClass> to_class(nftnl_set_elem& element, Family family) {
    const auto key = to_destination(attribute(element, NFTNL_SET_ELEM_KEY), family);
    if (!key || !nftnl_set_elem_is_set(&element, NFTNL_SET_ELEM_CHAIN)) return std::nullopt;
    const auto verdict =
        static_cast<int>(nftnl_set_elem_get_u32(&element, NFTNL_SET_ELEM_VERDICT));
    if (verdict != NFT_GOTO) return std::nullopt;
    return VipClass{key->address, key->port,
                    nftnl_set_elem_get_str(&element, NFTNL_SET_ELEM_CHAIN)};
}

std::optional<VipSlot> to_slot(nftnl_set_elem& element, Family family) {
    const auto bytes = attribute(element, NFTNL_SET_ELEM_KEY);
    const auto key = to_destination(bytes, family);
    const auto value = to_destination(attribute(element, NFTNL_SET_ELEM_DATA), family);
    const std::size_t at = destination_bytes(family);
    if (!key || !value || bytes.size() != at + word_bytes) return std::nullopt;
    VipSlot slot{key->address, key->port, 0, value->address, value->port};
    std::memcpy(&slot.slot, bytes.data() + at, sizeof slot.slot);
    return slot;
}

}  // namespace meshgate::netfilter
