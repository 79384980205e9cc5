#pragma once

#include "conf/ranges.h"

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// A process of this machine, as /proc shows it.
struct Process {
    pid_t pid = 0;
    pid_t parent = 0;
    std::string program;             ///< its name as the kernel keeps it, at most 15 bytes
    conf::Uid uid = 0;               ///< as whom it makes new sockets
    std::set<std::uint32_t> inodes;  ///< of the sockets that it has open
};

struct Processes {
    std::vector<Process> list;
    bool all_sockets = true;  ///< of each its descriptors could be read; else only of one's own
};

/// Those of this pid namespace; one that ends meanwhile is left out.
/// @param proc  "/proc", or a folder that looks like it
Processes read_processes(const std::string& proc = "/proc");

}  // namespace meshgate::redirect
