#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Who holds the rules, so that nobody else can change them.
namespace meshgate::redirect {

struct Holder {
    int process = 0;  ///< 0: not to be seen from here, as of another container
    bool has_socket = false;  ///< other verbs find it, and ask it to let go
};

/// The guard of this network namespace, or whoever else the kernel says is the owner of the table:
/// by the socket that it answers at, else by its netlink socket. None: nobody holds it.
std::optional<Holder> find_holder();

/// "the guard (process 4711)".
std::string name_of(const Holder& holder);

/// For who was refused, after what he was told: what to do. Empty when nobody holds the rules, or
/// who asks may not change any.
std::string held_advice() noexcept;

/// The inode of the socket of that port, of a table such as /proc/net/netlink (proc(5)); 0: it is
/// not there.
std::uint32_t inode_of_port(std::string_view table, std::uint32_t port);

}  // namespace meshgate::redirect
