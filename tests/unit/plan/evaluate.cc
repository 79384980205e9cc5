#include "evaluate.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace meshgate::netfilter::test {
namespace {

class Evaluation {
public:
    Evaluation(const Ruleset& ruleset, const Packet& packet)
        : ruleset_(ruleset), packet_(packet),
          source_(conf::IpAddress::parse(packet.source).value()),
          destination_(conf::IpAddress::parse(packet.destination).value()) {}

    Outcome run() {
        std::vector<const Chain*> chains;
        for (const Chain& chain : ruleset_.chains) {
            if (chain.base && chain.base->hook == packet_.hook) chains.push_back(&chain);
        }
        std::ranges::stable_sort(chains, {}, [](const Chain* c) { return c->base->priority; });
        for (const Chain* chain : chains) {
            if (chain->base->type == ChainType::nat && outcome_.redirected_to) continue;
            walk(*chain);
            if (outcome_.dropped) break;
        }
        return outcome_;
    }

private:
    enum class Next { rule, chain_done, hook_done };

    Next walk(const Chain& chain) {
        for (const Rule& rule : chain.rules) {
            const bool all = std::ranges::all_of(rule.matches, [this](const Match& match) {
                return std::visit([this](const auto& one) { return holds(one); }, match);
            });
            if (!all) continue;
            const auto next = std::visit([this](const auto& v) { return apply(v); }, rule.verdict);
            if (next == Next::hook_done) return next;
            if (next == Next::chain_done) break;
        }
        return Next::rule;
    }

    const Set& set(const SetRef& reference) const {
        const auto found = std::ranges::find(ruleset_.sets, reference.name, &Set::name);
        if (found == ruleset_.sets.end()) throw std::logic_error("no set " + reference.name);
        return *found;
    }
    bool contains(const SetRef& reference, std::uint64_t number) const {
        const auto in = [number](const auto& range) {
            return range.first <= number && number <= range.last;
        };
        const auto& elements = set(reference).elements;
        if (const auto* ports = std::get_if<PortElements>(&elements)) {
            return std::ranges::any_of(*ports, in);
        }
        return std::ranges::any_of(std::get<UidElements>(elements), in);
    }
    bool contains(const SetRef& reference, const conf::IpAddress& address) const {
        const auto& elements = std::get<AddressElements>(set(reference).elements);
        return std::ranges::any_of(elements.networks,
                                   [&](const Cidr& network) { return network.contains(address); });
    }

    bool holds(const MatchFamily& m) const { return destination_.family() == m.family; }
    bool holds(const MatchL4Proto& m) const {
        return std::ranges::find(m.protocols, packet_.protocol) != m.protocols.end();
    }
    bool holds(const MatchDport& m) const {
        if (const auto* reference = std::get_if<SetRef>(&m.ports)) {
            return contains(*reference, packet_.dport);
        }
        const auto range = std::get<PortRange>(m.ports);
        return range.first <= packet_.dport && packet_.dport <= range.last;
    }
    bool holds(const MatchAddress& m) const {
        if (destination_.family() != m.family) return false;
        const auto& address = m.field == MatchAddress::Field::saddr ? source_ : destination_;
        const auto* reference = std::get_if<SetRef>(&m.networks);
        const bool in = reference != nullptr ? contains(*reference, address)
                                             : std::get<Cidr>(m.networks).contains(address);
        return in == (m.sense == Sense::equal);
    }
    bool holds(const MatchSkuid& m) const {
        if (!packet_.uid) return false;
        const auto* reference = std::get_if<SetRef>(&m.users);
        return reference != nullptr ? contains(*reference, *packet_.uid)
                                    : std::get<Uid>(m.users) == *packet_.uid;
    }
    bool holds(const MatchLoopback& m) const {
        return is_of_hook(m.device) && (packet_.interface == "lo") == (m.sense == Sense::equal);
    }
    bool holds(const MatchInterface& m) const {
        if (!is_of_hook(m.device)) return false;
        if (!m.name.ends_with('*')) return packet_.interface == m.name;
        return packet_.interface.starts_with(m.name.substr(0, m.name.size() - 1));
    }
    bool holds(const MatchLocalDestination&) const { return packet_.to_this_host; }
    bool holds(const MatchInvalid&) const { return packet_.invalid; }
    bool is_of_hook(Device device) const {
        return (device == Device::in) == (packet_.hook == Hook::prerouting);
    }

    Next apply(const Return&) { return Next::chain_done; }
    Next apply(const Drop&) {
        outcome_.dropped = true;
        return Next::hook_done;
    }
    Next apply(const Jump& jump) {
        const auto found = std::ranges::find(ruleset_.chains, jump.chain, &Chain::name);
        if (found == ruleset_.chains.end()) throw std::logic_error("no chain " + jump.chain);
        return walk(*found);
    }
    Next apply(const RedirectTo& redirect) {
        outcome_.redirected_to = redirect.port;
        return Next::hook_done;
    }
    // A statement, no verdict; of two the kernel keeps the first (a template is there already).
    Next apply(const OriginalZone& zone) {
        if (!outcome_.zone) outcome_.zone = zone.zone;
        return Next::rule;
    }

    const Ruleset& ruleset_;
    const Packet& packet_;
    conf::IpAddress source_;
    conf::IpAddress destination_;
    Outcome outcome_;
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    if (outcome.dropped) out << "dropped ";
    if (outcome.zone) out << "zone " << *outcome.zone << " ";
    if (outcome.redirected_to) return out << "to " << *outcome.redirected_to;
    return out << "left alone";
}

Outcome evaluate(const Ruleset& ruleset, const Packet& packet) {
    return Evaluation{ruleset, packet}.run();
}

}  // namespace meshgate::netfilter::test
