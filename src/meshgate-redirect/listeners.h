#pragma once

#include "conf/config.h"

#include <string>
#include <string_view>
#include <vector>

namespace meshgate::redirect {

/// The ports in a table such as /proc/net/tcp that somebody waits at: listening for TCP,
/// unconnected for UDP (proc(5)). Lines that are not understood are passed over.
std::vector<conf::Port> waiting_ports(std::string_view proc_net_table, conf::Protocol protocol);

/// A line for each redirect port of the configuration that nobody waits at in this network
/// namespace: what is captured is refused until somebody does.
std::vector<std::string> missing_listeners(const conf::Redirect& redirect);

}  // namespace meshgate::redirect
