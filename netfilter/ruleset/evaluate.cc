#include "netfilter/ruleset/evaluate.h"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

namespace meshgate::netfilter {
namespace {

/// Where it goes then; in prerouting another one of the interface's.
conf::IpAddress this_machine(Family family) {
    return conf::IpAddress::parse(family == Family::ipv4 ? "127.0.0.1" : "::1").value();
}

class Evaluation {
public:
    Evaluation(const Ruleset& ruleset, const Packet& packet)
        : ruleset_(ruleset), packet_(packet), original_(packet.destination) {}

    Outcome run() {
        std::vector<const Chain*> chains;
        for (const Chain& chain : ruleset_.chains) {
            if (chain.base && chain.base->hook == packet_.hook) chains.push_back(&chain);
        }
        std::ranges::stable_sort(chains, {}, [](const Chain* c) { return c->base->priority; });
        for (const Chain* chain : chains) {
            const bool is_translated = outcome_.redirected_to || outcome_.balanced;
            if (chain->base->type == ChainType::nat && is_translated) continue;
            walk(*chain);
            if (outcome_.dropped || outcome_.rejected) break;
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
            if (!std::visit([this](const auto& v) { return concerns(v); }, rule.verdict)) continue;
            outcome_.steps.push_back({&chain, &rule});
            const auto next = std::visit([this](const auto& v) { return apply(v); }, rule.verdict);
            if (next == Next::hook_done) return next;
            if (next == Next::chain_done) break;
        }
        return Next::rule;
    }

    /// The elements of a set of that type; none when it is not there or of another type.
    template <class Elements>
    [[nodiscard]] const Elements* elements(const SetRef& reference) const {
        const auto found = std::ranges::find(ruleset_.sets, reference.name, &Set::name);
        return found == ruleset_.sets.end() ? nullptr : std::get_if<Elements>(&found->elements);
    }
    template <class Elements>
    [[nodiscard]] bool contains(const SetRef& reference, std::uint64_t number) const {
        const auto* const ranges = elements<Elements>(reference);
        return ranges != nullptr && std::ranges::any_of(*ranges, [number](const auto& range) {
                   return range.first <= number && number <= range.last;
               });
    }
    [[nodiscard]] bool contains(const SetRef& reference, const conf::IpAddress& address) const {
        const auto* const known = elements<AddressElements>(reference);
        return known != nullptr && std::ranges::any_of(known->networks, [&](const Cidr& network) {
                   return network.contains(address);
               });
    }

    [[nodiscard]] bool is(Family family, Protocol protocol) const {
        return packet_.destination.family() == family && packet_.protocol == protocol;
    }
    /// The elements of a map that the packet's destination has.
    template <class Map>
    [[nodiscard]] auto elements_of(const std::vector<Map>& maps, const std::string& name) const {
        using Element = typename decltype(Map::elements)::value_type;
        const auto map = std::ranges::find(maps, name, &Map::name);
        if (map == maps.end()) return std::span<const Element>{};
        const auto key = std::pair{packet_.destination, packet_.dport};
        const auto found = std::ranges::equal_range(
            map->elements, key, {}, [](const auto& e) { return std::pair{e.address, e.port}; });
        return std::span<const Element>{found.begin(), found.end()};
    }

    bool holds(const MatchFamily& m) const { return packet_.destination.family() == m.family; }
    bool holds(const MatchL4Proto& m) const {
        return std::ranges::find(m.protocols, packet_.protocol) != m.protocols.end();
    }
    bool holds(const MatchDport& m) const {
        if (const auto* reference = std::get_if<SetRef>(&m.ports)) {
            return contains<PortElements>(*reference, packet_.dport);
        }
        const auto range = std::get<PortRange>(m.ports);
        return range.first <= packet_.dport && packet_.dport <= range.last;
    }
    bool holds(const MatchAddress& m) const {
        if (packet_.destination.family() != m.family) return false;
        const auto& address =
            m.field == MatchAddress::Field::saddr ? packet_.source : packet_.destination;
        const auto* reference = std::get_if<SetRef>(&m.networks);
        const bool in = reference != nullptr ? contains(*reference, address)
                                             : std::get<Cidr>(m.networks).contains(address);
        return in == (m.sense == Sense::equal);
    }
    bool holds(const MatchSkuid& m) const {
        if (!packet_.uid) return false;
        const auto* reference = std::get_if<SetRef>(&m.users);
        return reference != nullptr ? contains<UidElements>(*reference, *packet_.uid)
                                    : std::get<Uid>(m.users) == *packet_.uid;
    }
    bool holds(const MatchSkgid& m) const {
        if (packet_.has_any_group_and_mark) return packet_.hook == Hook::output;
        if (!packet_.gid) return false;
        const auto* reference = std::get_if<SetRef>(&m.groups);
        return reference != nullptr ? contains<GidElements>(*reference, *packet_.gid)
                                    : std::get<Gid>(m.groups) == *packet_.gid;
    }
    bool holds(const MatchMark& m) const {
        if (packet_.has_any_group_and_mark) return true;
        const Mark mark = packet_.mark & m.mask;
        const auto* reference = std::get_if<SetRef>(&m.marks);
        if (reference == nullptr) return std::get<Mark>(m.marks) == mark;
        const auto* const known = elements<MarkElements>(*reference);
        return known != nullptr && std::ranges::find(*known, mark) != known->end();
    }
    bool holds(const MatchLoopback& m) const {
        return is_of_hook(m.device) && packet_.is_loopback == (m.sense == Sense::equal);
    }
    bool holds(const MatchInterface& m) const {
        if (!is_of_hook(m.device)) return false;
        if (!m.name.ends_with('*')) return packet_.interface == m.name;
        return packet_.interface.starts_with(m.name.substr(0, m.name.size() - 1));
    }
    bool holds(const MatchLocalDestination&) const { return packet_.to_this_host; }
    bool holds(const MatchInvalid&) const { return packet_.is_invalid; }
    bool holds(const MatchOriginalDestination& m) const {
        return original_.family() == m.family && contains(m.networks, original_);
    }
    /// Only asked in postrouting.
    static bool holds(const MatchLocalSource&) { return false; }
    bool is_of_hook(Device device) const {
        return (device == Device::in) == (packet_.hook == Hook::prerouting);
    }

    /// A lookup that finds nothing is a match that does not hold.
    static bool concerns(const auto&) { return true; }
    [[nodiscard]] bool concerns(const ToClass& to) const {
        return is(to.family, to.protocol) && !elements_of(ruleset_.class_maps, to.map).empty();
    }
    [[nodiscard]] bool concerns(const DnatToSlot& to) const {
        return is(to.family, to.protocol) && !elements_of(ruleset_.endpoint_maps, to.map).empty();
    }

    Next apply(const Return&) { return Next::chain_done; }
    Next apply(const Drop&) {
        outcome_.dropped = true;
        return Next::hook_done;
    }
    Next apply(const Jump& jump) {
        const auto found = std::ranges::find(ruleset_.chains, jump.chain, &Chain::name);
        if (found == ruleset_.chains.end()) return Next::rule;
        return walk(*found);
    }
    Next apply(const RedirectTo& redirect) {
        outcome_.redirected_to = redirect.port;
        packet_.destination = this_machine(packet_.destination.family());
        packet_.dport = redirect.port;
        packet_.to_this_host = true;
        return Next::hook_done;
    }
    // A statement, no verdict; of two the kernel keeps the first (a template is there already).
    Next apply(const OriginalZone& zone) {
        if (!outcome_.zone) outcome_.zone = zone.zone;
        return Next::rule;
    }

    Next apply(const ToClass& to) {
        if (!is(to.family, to.protocol)) return Next::rule;
        const auto found = elements_of(ruleset_.class_maps, to.map);
        if (found.empty()) return Next::rule;
        const auto next = apply(Jump{found.front().chain});
        return next == Next::hook_done ? next : Next::chain_done;  // a goto does not come back
    }
    Next apply(const DnatToSlot& to) {
        if (!is(to.family, to.protocol)) return Next::rule;
        for (const auto& slot : elements_of(ruleset_.endpoint_maps, to.map)) {
            if (slot.slot >= to.slots) continue;
            const EndpointShare one{slot.endpoint, slot.endpoint_port, 1};
            const auto known = std::ranges::find_if(outcome_.endpoints, [&one](const auto& each) {
                return each.address == one.address && each.port == one.port;
            });
            if (known == outcome_.endpoints.end()) {
                outcome_.endpoints.push_back(one);
            } else {
                ++known->slots;
            }
        }
        if (outcome_.endpoints.empty()) return Next::rule;
        outcome_.balanced = to.choice;
        packet_.destination = outcome_.endpoints.front().address;
        packet_.dport = outcome_.endpoints.front().port;
        return Next::hook_done;
    }
    Next apply(const Masquerade&) { return Next::hook_done; }
    Next apply(const Reject&) {
        outcome_.rejected = true;
        return Next::hook_done;
    }

    const Ruleset& ruleset_;
    Packet packet_;
    conf::IpAddress original_;  ///< where it was meant to go
    Outcome outcome_;
};

}  // namespace

Outcome evaluate(const Ruleset& ruleset, const Packet& packet) {
    return Evaluation{ruleset, packet}.run();
}

}  // namespace meshgate::netfilter
