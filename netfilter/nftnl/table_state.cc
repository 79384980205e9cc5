#include "netfilter/nftnl/table_state.h"

#include "netfilter/nftnl/batch.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/read.h"
#include "netfilter/nftnl/request.h"
#include "netfilter/nftnl/userdata.h"

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <cerrno>

/// What can be asked of a table, or of all, without reading what is in it.
namespace meshgate::netfilter {

NftTable ask_for_table(Netlink& netlink, const std::string& name) {
    auto table = own<NftTable>(nftnl_table_alloc());
    nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_INET);
    nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, name.c_str());
    Request request{NFT_MSG_GETTABLE};
    nftnl_table_nlmsg_build_payload(request.get(), table.get());
    const auto verdict = netlink.ask(
        *request, [&](const nlmsghdr& message) { nftnl_table_nlmsg_parse(&message, table.get()); });
    if (verdict.error == ENOENT) return nullptr;
    if (verdict.error != 0) throw KernelError{"table inet " + name, verdict.error, verdict.text};
    return table;
}

std::optional<Ownership> ownership_of(const nftnl_table& table) {
    std::uint32_t length = 0;
    const auto* userdata = nftnl_table_get_data(&table, NFTNL_TABLE_USERDATA, &length);
    if (userdata == nullptr) return std::nullopt;
    return read_ownership({static_cast<const std::uint8_t*>(userdata), length});
}

std::uint32_t last_generation(Netlink& netlink) {
    Request request{NFT_MSG_GETGEN, AF_UNSPEC};
    std::uint32_t id = 0;
    const auto verdict = netlink.ask(*request, [&id](const nlmsghdr& message) {
        for_each_attribute(message, sizeof(nfgenmsg), [&id](const nlattr& attribute) {
            if (mnl_attr_get_type(&attribute) == NFTA_GEN_ID &&
                mnl_attr_validate(&attribute, MNL_TYPE_U32) == 0) {
                id = ntohl(mnl_attr_get_u32(&attribute));
            }
        });
    });
    // nfnetlink says EINVAL to questions of a subsystem that it does not have.
    const int error = verdict.error == EINVAL ? EOPNOTSUPP : verdict.error;
    if (error != 0) throw KernelError{"nf_tables", error, verdict.text};
    return id;
}

// A transaction counts it up a moment before its objects take the place of the old ones
// (nf_tables_commit(), "Bump generation counter").
std::uint32_t generation(Netlink& netlink) {
    const auto id = last_generation(netlink);
    wait_for_transactions(netlink);
    return id;
}

std::optional<Ownership> table_ownership(Netlink& netlink, std::string_view table) {
    const auto found = ask_for_table(netlink, std::string{table});
    return found ? ownership_of(*found) : std::nullopt;
}

std::uint32_t table_flags(Netlink& netlink, std::string_view table) {
    const auto found = ask_for_table(netlink, std::string{table});
    return found == nullptr ? 0 : nftnl_table_get_u32(found.get(), NFTNL_TABLE_FLAGS);
}

std::uint32_t table_owner(Netlink& netlink, std::string_view table) {
    const auto found = ask_for_table(netlink, std::string{table});
    return found == nullptr ? 0 : nftnl_table_get_u32(found.get(), NFTNL_TABLE_OWNER);
}

TablePresence presence(Netlink& netlink, std::string_view table) {
    const auto found = ask_for_table(netlink, std::string{table});
    if (found == nullptr) return TablePresence::absent;
    const bool dormant =
        (nftnl_table_get_u32(found.get(), NFTNL_TABLE_FLAGS) & NFT_TABLE_F_DORMANT) != 0;
    return dormant ? TablePresence::dormant : TablePresence::active;
}

}  // namespace meshgate::netfilter
