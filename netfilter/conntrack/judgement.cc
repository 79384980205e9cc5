#include "netfilter/conntrack/judgement.h"

#include <algorithm>

namespace meshgate::netfilter {
namespace {

Packet first_packet(const Connection& connection, const Origin& origin) {
    Packet packet;
    const bool from_here = origin.owner != Origin::Owner::none;
    packet.hook = from_here ? Hook::output : Hook::prerouting;
    packet.protocol = connection.protocol;
    packet.source = connection.original.source;
    packet.destination = connection.original.destination;
    packet.dport = connection.original.dport;
    if (origin.owner == Origin::Owner::known) packet.uid = origin.uid;
    packet.interface = origin.interface;
    packet.is_loopback = origin.is_loopback;
    packet.to_this_host = origin.to_this_host;
    return packet;
}

}  // namespace

std::vector<Port> redirect_ports(const Ruleset& ruleset) {
    std::vector<Port> ports;
    for (const Chain& chain : ruleset.chains) {
        for (const Rule& rule : chain.rules) {
            if (const auto* redirect = std::get_if<RedirectTo>(&rule.verdict)) {
                ports.push_back(redirect->port);
            }
        }
    }
    std::ranges::sort(ports);
    ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
    return ports;
}

std::optional<Port> captured_at(const Connection& connection, std::span<const Port> ports,
                                const IsLocal& is_local) {
    const auto& answers_from = connection.reply;
    if (!is_redirected(connection)) return std::nullopt;
    if (std::ranges::find(ports, answers_from.sport) == ports.end()) return std::nullopt;
    if (!is_local(answers_from.source)) return std::nullopt;
    return answers_from.sport;
}

Fate fate_of(const Connection& connection, const Origin& origin, std::optional<Port> captured,
             const Ruleset& ruleset) {
    if (is_redirected(connection) && !captured) return Fate::same;
    const bool gone = origin.owner == Origin::Owner::gone;
    if (gone && connection.protocol == Protocol::tcp) return Fate::same;  // it is about to end
    // Of UDP the next socket of that port would inherit the entry: what the rules say of anybody.
    auto packet = first_packet(connection, origin);
    const auto now = evaluate(ruleset, packet).redirected_to;
    if (now == captured) return Fate::same;
    // Its group and mark are not to be found out afterwards: it may be exempt by them.
    packet.has_any_group_and_mark = true;
    if (evaluate(ruleset, packet).redirected_to == captured) return Fate::unknown;
    return origin.owner == Origin::Owner::unknown ? Fate::unknown : Fate::other;
}

}  // namespace meshgate::netfilter
