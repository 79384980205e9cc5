#pragma once

#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/intervals.h"
#include "netfilter/nftnl/netlink.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace meshgate::netfilter {

/// How many elements a message about a set says that it has; none before Linux 6.17.
std::optional<std::size_t> said_count(const nlmsghdr& message);

/// Visits the elements in a message.
void for_each_listed(const nlmsghdr& message, const std::function<void(nftnl_set_elem&)>& visit);

/// Visits the elements of a set or map. Somebody may change it meanwhile: then the answer says that
/// it was not dumped whole, and some were visited.
/// @throws std::system_error
Netlink::Dumped dump_elements(Netlink& netlink, std::string_view table, const std::string& set,
                              const std::function<void(nftnl_set_elem&)>& visit);

/// What is in a set of intervals, with the beginning of its key and whether it ends one.
IntervalElement to_interval_element(nftnl_set_elem& element);

/// How many elements a map has: what the kernel says, and where it does not, what it lists.
/// @throws KernelError, with EAGAIN when it never stands still.
std::size_t count_elements(Netlink& netlink, std::string_view table, const std::string& set);

}  // namespace meshgate::netfilter
