#include "netfilter/nftnl/counters.h"

#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/read.h"
#include "netfilter/nftnl/replacement.h"
#include "netfilter/nftnl/request.h"
#include "netfilter/nftnl/standstill.h"
#include "netfilter/ruleset/kernel_error.h"

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <cerrno>
#include <optional>
#include <system_error>

namespace meshgate::netfilter {

namespace {

constexpr std::string_view earlier_suffix = ".earlier";

/// The counter of rules whose earlier counts these may be.
std::string_view rule_counter(std::string_view name) {
    if (is_earlier_counter(name)) name.remove_suffix(earlier_suffix.size());
    return name;
}

std::optional<CounterValue> read_one(const nlmsghdr& message, std::string_view table) {
    const auto object = own<NftObject>(nftnl_obj_alloc());
    if (nftnl_obj_nlmsg_parse(&message, object.get()) < 0) return std::nullopt;
    const auto* const of = nftnl_obj_get_str(object.get(), NFTNL_OBJ_TABLE);
    const auto* const name = nftnl_obj_get_str(object.get(), NFTNL_OBJ_NAME);
    if (of == nullptr || name == nullptr || of != table) return std::nullopt;
    if (nftnl_obj_get_u32(object.get(), NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER) return std::nullopt;
    return CounterValue{std::string{rule_counter(name)},
                        nftnl_obj_get_u64(object.get(), NFTNL_OBJ_CTR_PKTS),
                        nftnl_obj_get_u64(object.get(), NFTNL_OBJ_CTR_BYTES)};
}

/// What the table has counted. @return nullopt when they changed meanwhile.
std::optional<Counters> dump(Netlink& netlink, const std::string& table) {
    Counters counters;
    Request request{NFT_MSG_GETOBJ};
    mnl_attr_put_strz(request.get(), NFTA_OBJ_TABLE, table.c_str());
    mnl_attr_put_u32(request.get(), NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
    try {
        const auto dumped = netlink.dump(*request, [&](const nlmsghdr& message) {
            if (auto one = read_one(message, table)) add_counts({std::move(*one)}, counters);
        });
        if (dumped != Netlink::Dumped::whole) return std::nullopt;
    } catch (const std::system_error& error) {
        const int code = error.code().value();
        if (code == ENOENT) return std::nullopt;
        // A kernel that does not know the kind has none of it.
        if (code == EOPNOTSUPP || code == EINVAL) return Counters{};
        throw KernelError{"counters of table inet " + table, code, {}};
    }
    return counters;
}

/// @param tables  whose counts are added up
Counters read_all(Netlink& netlink, const std::vector<std::string>& tables) {
    Standstill standstill;
    do {
        const auto before = generation(netlink);
        Counters sums;
        bool complete = true;
        for (const auto& table : tables) {
            const auto counters = dump(netlink, table);
            complete = complete && counters.has_value();
            if (counters) add_counts(*counters, sums);
        }
        if (complete && last_generation(netlink) == before) return in_order_of_causes(sums);
    } while (standstill.wait());
    throw KernelError{"table inet " + tables.front(), EAGAIN, "the ruleset does not stand still"};
}

}  // namespace

NftObject build_counter(std::string_view table, const CounterValue& value) {
    auto built = own<NftObject>(nftnl_obj_alloc());
    nftnl_obj_set_u32(built.get(), NFTNL_OBJ_FAMILY, NFPROTO_INET);
    nftnl_obj_set_str(built.get(), NFTNL_OBJ_TABLE, std::string{table}.c_str());
    nftnl_obj_set_str(built.get(), NFTNL_OBJ_NAME, value.name.c_str());
    nftnl_obj_set_u32(built.get(), NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
    nftnl_obj_set_u64(built.get(), NFTNL_OBJ_CTR_PKTS, value.packets);
    nftnl_obj_set_u64(built.get(), NFTNL_OBJ_CTR_BYTES, value.bytes);
    return built;
}

std::string earlier_counter(std::string_view name) {
    return std::string{name} + std::string{earlier_suffix};
}

bool is_earlier_counter(std::string_view name) noexcept {
    return name.ends_with(earlier_suffix) &&
           is_cause(name.substr(0, name.size() - earlier_suffix.size()));
}

Counters read_counters_of(Netlink& netlink, std::string_view table) {
    return read_all(netlink, {std::string{table}});
}

Counters read_counters(Netlink& netlink, std::string_view table) {
    return read_all(netlink, {std::string{table}, bridge_name(table)});
}

}  // namespace meshgate::netfilter
