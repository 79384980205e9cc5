#include "src/meshgate-redirect/listeners.h"

#include "netfilter/nftnl/sockets.h"
#include "src/meshgate-redirect/network_listeners.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

namespace meshgate::redirect {
namespace {

// include/net/tcp_states.h; an unconnected UDP socket is in TCP_CLOSE.
constexpr std::string_view listening = "0A";
constexpr std::string_view unconnected = "07";

std::string_view take_field(std::string_view& line) {
    const auto start = std::min(line.find_first_not_of(' '), line.size());
    const auto end = std::min(line.find(' ', start), line.size());
    const auto field = line.substr(start, end - start);
    line.remove_prefix(end);
    return field;
}

/// "  0: 0100007F:3A99 00000000:0000 0A ..."
std::optional<conf::Port> waiting_port(std::string_view line, std::string_view state) {
    take_field(line);
    const auto local = take_field(line);
    take_field(line);
    if (take_field(line) != state) return std::nullopt;
    const auto colon = local.find(':');
    if (colon == local.npos) return std::nullopt;
    conf::Port port = 0;
    const auto digits = local.substr(colon + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port, 16);
    if (parsed.ec != std::errc{}) return std::nullopt;
    return port;
}

/// Where the kernel has no sock_diag.
std::vector<conf::Port> waiting_ports_by_proc(conf::Protocol protocol) {
    const std::string name = protocol == conf::Protocol::tcp ? "tcp" : "udp";
    std::vector<conf::Port> all;
    for (const auto& file : {name, name + "6"}) {
        std::ifstream in{"/proc/self/net/" + file};
        const std::string text{std::istreambuf_iterator<char>{in}, {}};
        const auto ports = waiting_ports(text, protocol);
        all.insert(all.end(), ports.begin(), ports.end());
    }
    return all;
}

std::vector<conf::Port> waiting_ports(conf::Protocol protocol) {
    try {
        std::vector<conf::Port> ports;
        for (const auto& socket : netfilter::waiting_sockets(protocol)) {
            ports.push_back(socket.port);
        }
        return ports;
    } catch (const std::system_error&) {
        return waiting_ports_by_proc(protocol);
    }
}

/// Asks for each protocol once.
class WaitingPorts {
public:
    bool somebody(conf::Protocol protocol, conf::Port port) {
        auto& ports = protocol == conf::Protocol::tcp ? tcp_ : udp_;
        if (!ports) ports = waiting_ports(protocol);
        return std::ranges::find(*ports, port) != ports->end();
    }

private:
    std::optional<std::vector<conf::Port>> tcp_, udp_;
};

void check(std::vector<std::string>& lines, WaitingPorts& waiting, conf::Protocol protocol,
           conf::Port port, const std::string& what) {
    if (waiting.somebody(protocol, port)) return;
    lines.push_back(std::string{"nobody listens on "} +
                    (protocol == conf::Protocol::tcp ? "TCP" : "UDP") + " port " +
                    std::to_string(port) + ": " + what + " is refused until somebody does");
}

std::vector<std::string> missing_on_networks(const conf::Redirect& redirect) {
    if (redirect.networks.empty()) return {};
    try {
        return missing_network_listeners(redirect, interface_addresses(),
                                         {netfilter::waiting_sockets(conf::Protocol::tcp),
                                          netfilter::waiting_sockets(conf::Protocol::udp)});
    } catch (const std::system_error&) {
        return {};  // no sock_diag: nothing is known of addresses
    }
}

}  // namespace

std::vector<conf::Port> waiting_ports(std::string_view proc_net_table, conf::Protocol protocol) {
    std::vector<conf::Port> ports;
    const auto state = protocol == conf::Protocol::tcp ? listening : unconnected;
    while (!proc_net_table.empty()) {
        const auto end = std::min(proc_net_table.find('\n'), proc_net_table.size());
        if (const auto port = waiting_port(proc_net_table.substr(0, end), state)) {
            ports.push_back(*port);
        }
        proc_net_table.remove_prefix(std::min(end + 1, proc_net_table.size()));
    }
    return ports;
}

std::vector<std::string> missing_listeners(const conf::Redirect& redirect) {
    std::vector<std::string> lines;
    WaitingPorts waiting;
    using conf::Protocol;
    if (redirect.inbound.enabled)
        check(lines, waiting, Protocol::tcp, redirect.inbound.port, "inbound TCP");
    if (redirect.outbound.enabled) {
        check(lines, waiting, Protocol::tcp, redirect.outbound.port, "outbound TCP");
    }
    if (redirect.dns.enabled) {
        for (const Protocol protocol : redirect.dns.protocols) {
            check(lines, waiting, protocol, redirect.dns.port,
                  protocol == Protocol::udp ? "DNS" : "DNS over TCP");
        }
    }
    std::ranges::move(missing_on_networks(redirect), std::back_inserter(lines));
    return lines;
}

}  // namespace meshgate::redirect
