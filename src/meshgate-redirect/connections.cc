#include "src/meshgate-redirect/connections.h"

#include "netfilter/conntrack/judgement.h"
#include "netfilter/conntrack/strays.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/interfaces.h"
#include "src/meshgate-redirect/origins.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>

namespace meshgate::redirect {
namespace {

using namespace netfilter;

IsLocal local_now() {
    return [addresses = LocalAddresses{}](const conf::IpAddress& one) {
        return addresses.contain(one);
    };
}

/// Not what conntrack only remembers.
bool is_open(const Connection& connection) {
    return connection.phase == Phase::open;
}

/// Ends connections one by one, and counts.
class Ender {
public:
    Ender(Conntrack& conntrack, const Origins& origins)
        : conntrack_(conntrack), origins_(origins) {}

    void end(const Connection& connection) {
        if (connection.protocol == Protocol::tcp && end_sockets(connection)) {
            ++flushed_.ended;
            return;
        }
        forget(connection);
    }
    void forget(const Connection& connection) {
        try {
            // One that has just ended, or whose tuple is another's now, is none of ours.
            if (!conntrack_.remove(connection)) return;
            ++(connection.protocol == Protocol::tcp ? flushed_.at_next : flushed_.forgotten);
        } catch (const std::system_error&) {
            ++flushed_.failed;
        }
    }
    void leave_alone() { ++flushed_.left_alone; }
    [[nodiscard]] const Flushed& flushed() const { return flushed_; }

private:
    /// The resets are translated as all packets of the connection: both ends learn of it.
    bool end_sockets(const Connection& connection) {
        bool ended = false;
        for (const OpenSocket* socket : origins_.tcp_sockets_of(connection)) {
            const int error = sockets_.destroy(*socket);
            ended |= error == 0 || error == ENOENT;  // the other end's reset came first
        }
        return ended;
    }

    Conntrack& conntrack_;
    const Origins& origins_;
    OpenSockets sockets_;
    Flushed flushed_;
};

std::string counted(std::size_t number, const std::string& what) {
    return number == 0 ? "" : ", " + std::to_string(number) + " " + what;
}

void report(const Flushed& flushed) {
    log::info("--flush-connections: " + to_text(flushed));
    if (flushed.failed != 0) {
        log::warning("--flush-connections: the kernel did not let go of " +
                     std::to_string(flushed.failed) + " connections, which stay as they were");
    }
}

std::string reason(const std::system_error& error) {
    if (!Conntrack::is_missing(error.code().value())) return error.what();
    return "this kernel has no ctnetlink (CONFIG_NF_CT_NETLINK)";
}

/// What a flush is for is done by then: its own failure is no failure of the verb.
template <class Flush>
void guarded(Flush flush) noexcept {
    try {
        report(flush());
    } catch (const std::system_error& error) {
        log::warning("--flush-connections: connections stay as they were: " + reason(error));
    } catch (const std::exception& error) {
        log::warning("--flush-connections: " + std::string{error.what()});
    }
}

/// A socket tells both ends of its connection, not who began it: whoever was called has a listener.
std::set<conf::Port> listening_ports() {
    std::set<conf::Port> ports;
    for (const auto& socket : waiting_sockets(Protocol::tcp)) ports.insert(socket.port);
    return ports;
}

Connection connection_of(const OpenSocket& socket, bool was_called) {
    Connection connection;
    connection.original = was_called
                              ? Tuple{socket.remote, socket.local, socket.rport, socket.lport, 0}
                              : Tuple{socket.local, socket.remote, socket.lport, socket.rport, 0};
    return connection;
}

/// Those of TCP that this machine has; what is only about to be opened may be captured yet.
std::vector<Connection> established(const std::set<conf::Port>& listening) {
    std::vector<Connection> connections;
    for (const auto& socket : OpenSockets{}.list(Protocol::tcp)) {
        if (!socket.is_answered) continue;
        connections.push_back(connection_of(socket, listening.contains(socket.lport)));
    }
    return connections;
}

/// @return those that conntrack did not know
std::set<Tuple> add_all(Conntrack& conntrack, const std::vector<Connection>& connections) {
    std::set<Tuple> added;
    for (const auto& connection : connections) {
        if (conntrack.add(connection)) added.insert(connection.original);
    }
    return added;
}

}  // namespace

void remember_connections() noexcept {
    try {
        Conntrack conntrack;
        const auto listening = listening_ports();
        auto added = add_all(conntrack, established(listening));
        for (const auto& connection : established(listening)) added.erase(connection.original);
        // Closed since they were listed: conntrack may have missed that, and the next connection of
        // these ports would be taken for them, for days.
        if (added.empty()) return;
        const auto closed = conntrack.read(
            [&added](const Connection& one) { return added.contains(one.original); });
        for (const auto& connection : closed) conntrack.remove(connection);
    } catch (const std::system_error& error) {
        log::warning("TCP connections that are open now may be reset: " + reason(error));
    } catch (const std::exception& error) {
        log::warning("TCP connections that are open now may be reset: " +
                     std::string{error.what()});
    }
}

std::string to_text(const Flushed& flushed) {
    std::string text = std::to_string(flushed.ended) + " TCP connections ended";
    text += counted(flushed.at_next, "end with their next packet");
    text += counted(flushed.forgotten, "flows of DNS begin anew");
    text += counted(flushed.left_alone, "left alone, as nobody knows whose they are");
    return text;
}

Flushed end_outdated(const Ruleset& rules, const std::vector<conf::Port>& ports) {
    Conntrack conntrack;
    const auto connections = conntrack.read(is_open);
    Origins origins;  // after the connections: a socket of each is there, or was
    Ender ender{conntrack, origins};
    const auto is_local = local_now();
    for (const auto& connection : connections) {
        const auto captured = captured_at(connection, ports, is_local);
        const auto origin = origins.origin_of(connection);
        const auto fate = fate_of(connection, origin, captured, rules);
        if (fate == Fate::other) ender.end(connection);
        if (fate == Fate::unknown) ender.leave_alone();
    }
    return ender.flushed();
}

Flushed end_captured(const std::vector<conf::Port>& ports) {
    Conntrack conntrack;
    const auto connections = conntrack.read([&, is_local = local_now()](const auto& connection) {
        return is_open(connection) && captured_at(connection, ports, is_local);
    });
    const Origins origins;
    Ender ender{conntrack, origins};
    for (const auto& connection : connections) ender.end(connection);
    return ender.flushed();
}

Flushed forget_translated(const std::vector<conf::IpAddress>& vips,
                          const conf::SocketAddress& endpoint, bool cut) {
    Conntrack conntrack;
    const auto found = conntrack.read([&](const Connection& connection) {
        return connection.reply.source == endpoint.address &&
               connection.reply.sport == endpoint.port &&
               std::ranges::find(vips, connection.original.destination) != vips.end();
    });
    const Origins origins;
    Ender ender{conntrack, origins};
    for (const auto& connection : found) {
        const bool is_live = connection.protocol == Protocol::tcp && connection.answered &&
                             is_open(connection);
        if (!is_live) {
            ender.forget(connection);
        } else if (cut) {
            ender.end(connection);
        }
    }
    return ender.flushed();
}

void forget_strays(const Ruleset& rules) noexcept try {
    const Strays strays{rules};
    if (!strays.has_vips()) return;
    Conntrack conntrack;
    const auto found = conntrack.read([&strays](const auto& one) { return strays.contains(one); });
    for (const auto& connection : found) static_cast<void>(conntrack.remove(connection));
} catch (const std::system_error& error) {
    log::warning("flows to endpoints that were removed go on: " + reason(error));
} catch (const std::exception& error) {
    log::warning("flows to endpoints that were removed go on: " + std::string{error.what()});
}

std::vector<Connection> captured_connections(Conntrack& conntrack,
                                             const std::vector<conf::Port>& ports) {
    return conntrack.read([&, is_local = local_now()](const auto& connection) {
        const bool needs_it = connection.protocol == Protocol::tcp || !connection.answered;
        return needs_it && is_open(connection) && captured_at(connection, ports, is_local);
    });
}

void flush_after_install(const Ruleset& rules, const std::optional<Ruleset>& before) noexcept {
    guarded([&] {
        auto ports = redirect_ports(rules);
        if (before) {
            const auto old = redirect_ports(*before);
            ports.insert(ports.end(), old.begin(), old.end());
        }
        return end_outdated(rules, ports);
    });
}

void flush_captured(const std::vector<conf::Port>& ports) noexcept {
    guarded([&] { return end_captured(ports); });
}

}  // namespace meshgate::redirect
