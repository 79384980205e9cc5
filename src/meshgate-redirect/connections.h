#pragma once

#include "netfilter/conntrack/conntrack.h"
#include "netfilter/ruleset/ruleset.h"

#include <optional>
#include <string>
#include <vector>

/// The connections that are older than an install or an uninstall. NAT is asked about the first
/// packet of a connection only: direct ones stay direct, captured ones captured, as long as
/// conntrack remembers them.
namespace meshgate::redirect {

/// Lets conntrack know the TCP connections of this machine. Where nothing else has use for it, it
/// runs only since the rules are there, takes the next packet of each for a first one, and the
/// rules would redirect that: a reset, where nobody asked for one. (What this machine only forwards
/// has no socket here; nobody knows of it.)
/// @pre no rule of ours is in force; conntrack runs, or what is opened meanwhile is not known
void remember_connections() noexcept;

/// What was done with connections, for people.
struct Flushed {
    std::size_t ended = 0;       ///< TCP: at once
    std::size_t at_next = 0;     ///< TCP: with their next packet, which the rules see as a first
    std::size_t forgotten = 0;   ///< UDP: the next datagram is a first one
    std::size_t left_alone = 0;  ///< nobody knows whose they are, and that decides
    std::size_t failed = 0;      ///< the kernel would not
};
std::string to_text(const Flushed& flushed);

/// Ends the connections that `rules`, which are in force, would redirect now and did not, or the
/// other way round.
/// @param ports  that any rules of ours redirect to, or did
/// @throws std::system_error
Flushed end_outdated(const netfilter::Ruleset& rules, const std::vector<conf::Port>& ports);

/// Ends those that are redirected to one of `ports`.
/// @throws std::system_error
Flushed end_captured(const std::vector<conf::Port>& ports);

/// Forgets what is translated from one of these virtual addresses to this endpoint, which is dead:
/// all of UDP, and of TCP what is over or was never answered. A client's next datagram from the same
/// port would go there again, as long as conntrack remembers.
/// @param cut  open connections are ended too
/// @throws std::system_error
Flushed forget_translated(const std::vector<conf::IpAddress>& vips,
                          const conf::SocketAddress& endpoint, bool cut);

/// Forgets what goes from a VIP of `rules`, which are in force, to an endpoint that it has not by
/// them (netfilter::Strays). Open connections of TCP go on. What goes wrong is a warning.
void forget_strays(const netfilter::Ruleset& rules) noexcept;

/// Those that are redirected to one of `ports` and still need it: of UDP, the unanswered.
/// @throws std::system_error
std::vector<netfilter::Connection> captured_connections(netfilter::Conntrack& conntrack,
                                                        const std::vector<conf::Port>& ports);

/// --flush-connections of install. What goes wrong is a warning: the rules are in force.
/// @param before  what was installed before, if anything was
void flush_after_install(const netfilter::Ruleset& rules,
                         const std::optional<netfilter::Ruleset>& before) noexcept;

/// --flush-connections of uninstall.
void flush_captured(const std::vector<conf::Port>& ports) noexcept;

}  // namespace meshgate::redirect
