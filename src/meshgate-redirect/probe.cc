#include "src/meshgate-redirect/probe.h"

#include "conf/words.h"
#include "netfilter/nftnl/route_netlink.h"
#include "src/common/command_line.h"
#include "src/common/unique_fd.h"
#include "src/meshgate-redirect/kernel_address.h"
#include "src/users/users.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace meshgate::redirect {
namespace {

using conf::Family;
using conf::IpAddress;

/// The number of a user or a group, or what its name stands for.
template <class Resolve>
std::uint32_t parse_account(const std::string& option, const std::string& text, Resolve resolve) {
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec == std::errc{} && parsed.ptr == end && number != ~std::uint32_t{0}) return number;
    try {
        return resolve({text, {}}).first;
    } catch (const UnknownUser& error) {
        throw UsageError("--" + option + ": " + error.what());
    }
}

conf::Mark parse_socket_mark(const std::string& text) {
    const auto mark = conf::parse_mark(text);
    if (mark && mark->mask == conf::whole_mark) return mark->value;
    throw UsageError("--mark: '" + text + "' is not a mark such as 0x539");
}

/// Of a user that is named without a group: its primary one.
std::optional<conf::Gid> group_of(const Probe& probe) {
    if (probe.group) return probe.group;
    if (!probe.user) return ::getgid();
    const auto entry = passwd_entry(*probe.user);
    return entry ? std::optional<conf::Gid>{entry->gid} : std::nullopt;
}

IpAddress parse_address(const std::string& option, const std::string& text) {
    if (const auto address = IpAddress::parse(text)) return *address;
    throw UsageError("--" + option + ": '" + text + "' is not an address");
}

void read_destination(const std::string& text, Probe& to) {
    // Without a port the default is taken, which is none here.
    const auto where = conf::SocketAddress::parse(text, 0);
    if (!where || where->port == 0 || !where->scope.empty()) {
        throw UsageError("'" + text +
                         "' is not ADDRESS:PORT such as 10.0.0.5:443 or [fd00::5]:443");
    }
    to.destination = where->address;
    to.port = where->port;
}

/// The address that the kernel would give a socket connected there: nothing is sent.
IpAddress source_for(const IpAddress& destination, conf::Port port) {
    const auto family = destination.family();
    const UniqueFd fd{::socket(to_af(family), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    KernelAddress address{destination, port};
    if (!fd || ::connect(fd.get(), address.raw(), address.bytes) != 0 ||
        ::getsockname(fd.get(), address.raw(), &address.bytes) != 0) {
        return any_address(family);
    }
    return address.address();
}

std::string interface_name(std::uint32_t index) {
    std::array<char, IF_NAMESIZE> name{};
    return ::if_indextoname(index, name.data()) == nullptr ? "" : name.data();
}

bool is_loopback(const std::string& interface) {
    return !interface.empty() && ::if_nametoindex(interface.c_str()) == netfilter::loopback_index;
}

}  // namespace

Probe parse_probe(const std::vector<std::string>& words,
                  const std::vector<std::pair<std::string, std::string>>& options) {
    if (words.size() != 2 || (words[0] != "tcp" && words[0] != "udp")) {
        throw UsageError("'explain' needs tcp or udp and ADDRESS:PORT");
    }
    Probe probe;
    probe.protocol = words[0] == "tcp" ? conf::Protocol::tcp : conf::Protocol::udp;
    read_destination(words[1], probe);
    for (const auto& [name, value] : options) {
        if (name == "user") probe.user = parse_account(name, value, resolve_user);
        if (name == "group") probe.group = parse_account(name, value, resolve_group);
        if (name == "mark") probe.mark = parse_socket_mark(value);
        if (name == "inbound") probe.inbound = value == "true";
        if (name == "from") probe.from = parse_address(name, value);
        if (name == "interface") probe.interface = value;
    }
    if (probe.from && probe.from->family() != probe.destination.family()) {
        throw UsageError("--from and the destination are not of one family");
    }
    if (probe.inbound && probe.user) throw UsageError("--user: what arrives has no user here");
    if (probe.inbound && (probe.group || probe.mark != 0)) {
        throw UsageError("--group, --mark: what arrives has no socket here");
    }
    return probe;
}

Routed route(const Probe& probe) {
    netfilter::RouteNetlink netlink;
    const auto found = netlink.lookup(probe.destination);
    Routed routed;
    auto& packet = routed.packet;
    routed.has_route = found.has_value();
    packet.hook = probe.inbound ? netfilter::Hook::prerouting : netfilter::Hook::output;
    packet.protocol = probe.protocol;
    packet.destination = probe.destination;
    packet.dport = probe.port;
    packet.to_this_host = found && found->type == RTN_LOCAL;
    packet.interface = probe.interface;
    if (probe.inbound) {
        packet.source = probe.from.value_or(any_address(probe.destination.family()));
    } else {
        packet.uid = probe.user.value_or(::getuid());
        packet.gid = group_of(probe);
        packet.mark = probe.mark;
        routed.names_group = probe.group.has_value();
        packet.source = probe.from.value_or(source_for(probe.destination, probe.port));
        if (packet.interface.empty() && found) {
            // What is for this machine goes over its loopback device, whatever device it is on.
            packet.interface =
                interface_name(packet.to_this_host ? netfilter::loopback_index : found->interface);
        }
    }
    packet.is_loopback = is_loopback(packet.interface);
    return routed;
}

}  // namespace meshgate::redirect
