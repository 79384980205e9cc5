#pragma once

#include "dns/zone/host_list.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dns::zone {

/// A line of a hosts file that is none, or a word of one.
struct HostsProblem {
    std::uint32_t line = 0;
    std::string message;
};

/// A hosts file, hosts(5): an address, the name of the machine that has it, and other names of it;
/// `#` begins a comment. Names are absolute; `*` may be the first label. What cannot be
/// read is passed over, word by word: the file is not only ours.
struct HostsText {
    HostList hosts;                      ///< in file order; a name may be there several times
    std::size_t passed_over = 0;         ///< words that are no name, and lines without an address
    std::vector<HostsProblem> problems;  ///< the first of them
};

/// @param first_line  number of the first line, for messages
/// @throws std::length_error beyond 4 GiB of names.
HostsText read_hosts(std::string_view text, std::uint32_t first_line = 1);

}  // namespace meshgate::dns::zone
