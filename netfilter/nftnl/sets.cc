#include "netfilter/nftnl/sets.h"

#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/userdata.h"

#include <libnftnl/udata.h>

namespace meshgate::netfilter {

namespace {

constexpr KeyType inet_service_key{.id = 13, .bytes = 2, .byteorder = 2};
constexpr KeyType uid_key{.id = 24, .bytes = 4, .byteorder = 1};
constexpr KeyType gid_key{.id = 25, .bytes = 4, .byteorder = 1};
constexpr KeyType mark_key{.id = 19, .bytes = 4, .byteorder = 1};
constexpr KeyType ipv4_key{.id = 7, .bytes = 4, .byteorder = 2};
constexpr KeyType ipv6_key{.id = 8, .bytes = 16, .byteorder = 2};

constexpr char anonymous_name[] = "__set%d";  // the kernel replaces %d

NftSet new_set(std::string_view table, std::string_view name) {
    auto built = own<NftSet>(nftnl_set_alloc());
    nftnl_set_set_u32(built.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_str(built.get(), NFTNL_SET_TABLE, std::string{table}.c_str());
    nftnl_set_set_str(built.get(), NFTNL_SET_NAME, std::string{name}.c_str());
    return built;
}

void set_key_type(nftnl_set& set, const KeyType& type, std::string_view comment) {
    nftnl_set_set_u32(&set, NFTNL_SET_KEY_TYPE, type.id);
    nftnl_set_set_u32(&set, NFTNL_SET_KEY_LEN, type.bytes);
    Userdata userdata;
    put_u32(userdata, NFTNL_UDATA_SET_KEYBYTEORDER, type.byteorder);
    put_text(userdata, NFTNL_UDATA_SET_COMMENT, comment);
    nftnl_set_set_data(&set, NFTNL_SET_USERDATA, userdata.data(),
                       static_cast<std::uint32_t>(userdata.size()));
}

void add_element(nftnl_set& set, const IntervalElement& interval, std::uint32_t key_bytes) {
    auto element = own<NftSetElem>(nftnl_set_elem_alloc());
    nftnl_set_elem_set(element.get(), NFTNL_SET_ELEM_KEY, interval.key.data(), key_bytes);
    if (interval.end) {
        nftnl_set_elem_set_u32(element.get(), NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
    }
    if (interval.open) {
        Userdata userdata;
        put_u32(userdata, NFTNL_UDATA_SET_ELEM_FLAGS, NFTNL_SET_ELEM_F_INTERVAL_OPEN);
        nftnl_set_elem_set(element.get(), NFTNL_SET_ELEM_USERDATA, userdata.data(),
                           static_cast<std::uint32_t>(userdata.size()));
    }
    nftnl_set_elem_add(&set, element.release());
}

}  // namespace

KeyType key_type(const Set& set) noexcept {
    if (std::holds_alternative<PortElements>(set.elements)) return inet_service_key;
    if (std::holds_alternative<UidElements>(set.elements)) return uid_key;
    if (std::holds_alternative<GidElements>(set.elements)) return gid_key;
    if (std::holds_alternative<MarkElements>(set.elements)) return mark_key;
    return std::get<AddressElements>(set.elements).family == Family::ipv4 ? ipv4_key : ipv6_key;
}

std::uint32_t set_flags(const Set& set) noexcept {
    return set.is_interval() ? NFT_SET_INTERVAL : 0;
}

NftSet build_set(std::string_view table, const Set& set, std::uint32_t id) {
    auto built = new_set(table, set.name);
    nftnl_set_set_u32(built.get(), NFTNL_SET_FLAGS, set_flags(set));
    nftnl_set_set_u32(built.get(), NFTNL_SET_ID, id);
    set_key_type(*built, key_type(set), set.comment);
    return built;
}

NftSet build_elements(std::string_view table, const Set& set,
                      std::span<const IntervalElement> elements) {
    auto built = new_set(table, set.name);
    const auto key_bytes = key_type(set).bytes;
    for (const auto& element : elements) add_element(*built, element, key_bytes);
    return built;
}

NftSet build_protocol_set(std::string_view table, std::span<const Protocol> protocols,
                          std::uint32_t id) {
    auto built = new_set(table, anonymous_name);
    nftnl_set_set_u32(built.get(), NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
    nftnl_set_set_u32(built.get(), NFTNL_SET_ID, id);
    nftnl_set_set_u32(built.get(), NFTNL_SET_DESC_SIZE,
                      static_cast<std::uint32_t>(protocols.size()));
    set_key_type(*built, inet_proto_key, {});
    for (const auto protocol : protocols) {
        add_element(*built, {.key = {protocol_number(protocol)}}, inet_proto_key.bytes);
    }
    return built;
}

std::uint8_t protocol_number(Protocol protocol) noexcept {
    return protocol == Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
}

}  // namespace meshgate::netfilter
