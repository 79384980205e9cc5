#pragma once

#include "netfilter/conntrack/connection.h"
#include "netfilter/ruleset/evaluate.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Which connections an install or an uninstall leaves as they were, though new ones like them go
/// another way now. Pure.
namespace meshgate::netfilter {

/// All ports that the redirects of a ruleset lead to, each once, in order.
std::vector<Port> redirect_ports(const Ruleset& ruleset);

/// An address of this machine.
using IsLocal = std::function<bool(const conf::IpAddress&)>;

/// The port of `ports` that a connection is redirected to. A redirect leads to this machine, and to
/// another port than the one asked; what others translate (Docker's published ports) leads
/// elsewhere or to other ports.
std::optional<Port> captured_at(const Connection& connection, std::span<const Port> ports,
                                const IsLocal& is_local);

/// What conntrack does not tell of the first packet of a connection.
struct Origin {
    enum class Owner : std::uint8_t {
        known,    ///< `uid`
        gone,     ///< no process has a socket of it any more
        unknown,  ///< several users have, or the kernel does not tell
        none,     ///< it came from elsewhere
    };
    Owner owner = Owner::none;
    Uid uid = 0;
    std::string interface;      ///< leaves by (owner other than none), or came in by
    bool is_loopback = false;   ///< that interface is one
    bool to_this_host = false;  ///< it was addressed to this machine
};

/// What a ruleset means for a connection that is older than itself. NAT is asked about the first
/// packet only: the connection stays as it is, whatever its fate.
enum class Fate : std::uint8_t {
    same,     ///< the rules would do what was done
    other,    ///< they would redirect it, or not any more, or to another port
    unknown,  ///< that depends on whose it is, or on its group or mark
};

/// @param captured  as captured_at() says. What others have redirected is never of another fate: it
///                  is theirs.
Fate fate_of(const Connection& connection, const Origin& origin, std::optional<Port> captured,
             const Ruleset& ruleset);

}  // namespace meshgate::netfilter
