#include "netfilter/nftnl/elements.h"

#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/request.h"
#include "netfilter/nftnl/standstill.h"
#include "netfilter/ruleset/kernel_error.h"

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace meshgate::netfilter {
namespace {

Netlink::Dumped dump_lists(Netlink& netlink, std::string_view table, const std::string& set,
                           const Netlink::OnMessage& visit) {
    Request request{NFT_MSG_GETSETELEM};
    mnl_attr_put_strz(request.get(), NFTA_SET_ELEM_LIST_TABLE, std::string{table}.c_str());
    mnl_attr_put_strz(request.get(), NFTA_SET_ELEM_LIST_SET, set.c_str());
    return netlink.dump(*request, visit);
}

std::optional<std::size_t> ask_for_count(Netlink& netlink, std::string_view table,
                                         const std::string& set) {
    Request request{NFT_MSG_GETSET};
    mnl_attr_put_strz(request.get(), NFTA_SET_TABLE, std::string{table}.c_str());
    mnl_attr_put_strz(request.get(), NFTA_SET_NAME, set.c_str());
    std::optional<std::size_t> count;
    const auto verdict = netlink.ask(
        *request, [&count](const nlmsghdr& message) { count = said_count(message); });
    if (verdict.error != 0) throw KernelError{"set " + set, verdict.error, verdict.text};
    return count;
}

}  // namespace

std::optional<std::size_t> said_count(const nlmsghdr& message) {
    std::optional<std::size_t> count;
    for_each_attribute(message, sizeof(nfgenmsg), [&count](const nlattr& attribute) {
        if (mnl_attr_get_type(&attribute) == set_count_attribute &&
            mnl_attr_validate(&attribute, MNL_TYPE_U32) == 0) {
            count = ntohl(mnl_attr_get_u32(&attribute));
        }
    });
    return count;
}

void for_each_listed(const nlmsghdr& message, const std::function<void(nftnl_set_elem&)>& visit) {
    const auto list = own<NftSet>(nftnl_set_alloc());
    if (nftnl_set_elems_nlmsg_parse(&message, list.get()) < 0) return;
    const auto iterator = own<NftSetElemIter>(nftnl_set_elems_iter_create(list.get()));
    while (auto* element = nftnl_set_elems_iter_next(iterator.get())) visit(*element);
}

Netlink::Dumped dump_elements(Netlink& netlink, std::string_view table, const std::string& set,
                              const std::function<void(nftnl_set_elem&)>& visit) {
    return dump_lists(netlink, table, set,
                      [&](const nlmsghdr& message) { for_each_listed(message, visit); });
}

IntervalElement to_interval_element(nftnl_set_elem& element) {
    IntervalElement read;
    std::uint32_t length = 0;
    const auto* key = static_cast<const std::uint8_t*>(
        nftnl_set_elem_get(&element, NFTNL_SET_ELEM_KEY, &length));
    if (key != nullptr) std::copy_n(key, std::min<std::size_t>(length, read.key.size()), read.key.begin());
    const auto flags = nftnl_set_elem_is_set(&element, NFTNL_SET_ELEM_FLAGS)
                           ? nftnl_set_elem_get_u32(&element, NFTNL_SET_ELEM_FLAGS)
                           : 0;
    read.end = (flags & NFT_SET_ELEM_INTERVAL_END) != 0;
    return read;
}

std::size_t count_elements(Netlink& netlink, std::string_view table, const std::string& set) {
    if (const auto count = ask_for_count(netlink, table, set)) return *count;
    Standstill standstill;
    do {
        std::size_t count = 0;
        const auto count_list = [&count](const nlattr& attribute) {
            if (mnl_attr_get_type(&attribute) != NFTA_SET_ELEM_LIST_ELEMENTS) return;
            for_each_nested(attribute, [&count](const nlattr&) { ++count; });
        };
        const auto dumped = dump_lists(netlink, table, set, [&](const nlmsghdr& message) {
            for_each_attribute(message, sizeof(nfgenmsg), count_list);
        });
        if (dumped == Netlink::Dumped::whole) return count;
    } while (standstill.wait());
    throw KernelError{"set " + set, EAGAIN, "the ruleset does not stand still"};
}

}  // namespace meshgate::netfilter
