#include "evaluate.h"

#include "netfilter/ruleset/evaluate.h"

namespace meshgate::netfilter::test {

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    if (outcome.dropped) out << "dropped ";
    if (outcome.zone) out << "zone " << *outcome.zone << " ";
    if (outcome.redirected_to) return out << "to " << *outcome.redirected_to;
    return out << "left alone";
}

Outcome evaluate(const Ruleset& ruleset, const Packet& packet) {
    const auto outcome = netfilter::evaluate(
        ruleset, {packet.hook, packet.protocol, conf::IpAddress::parse(packet.source).value(),
                  conf::IpAddress::parse(packet.destination).value(), packet.dport, packet.uid,
                  packet.interface, packet.interface == "lo", packet.to_this_host, packet.invalid,
                  packet.gid, packet.mark});
    return {outcome.redirected_to, outcome.zone, outcome.dropped};
}

}  // namespace meshgate::netfilter::test
