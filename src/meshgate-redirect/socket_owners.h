#pragma once

#include "conf/config.h"

#include <cstdint>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// A process that has a socket open.
struct SocketOwner {
    int process = 0;
    std::string program;  ///< its name as the kernel keeps it, at most 15 bytes
    conf::Uid uid = 0;    ///< as whom it makes new sockets
};

/// The processes that have one of these sockets open, as far as they may be looked at: those of
/// others need CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, those of other pid namespaces are not seen.
/// @param inodes  as in WaitingSocket
std::vector<SocketOwner> socket_owners(const std::vector<std::uint32_t>& inodes);

}  // namespace meshgate::redirect
