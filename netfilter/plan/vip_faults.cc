#include "netfilter/plan/slots.h"
#include "netfilter/plan/vips.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace meshgate::netfilter {
namespace {

std::vector<std::uint32_t> weights_of(const VipService& service, Family family) {
    std::vector<VipEndpoint> of_family;
    std::ranges::copy_if(service.endpoints, std::back_inserter(of_family),
                         [family](const auto& each) { return each.address.family() == family; });
    return weights_of(of_family);
}

/// Of one port, for its endpoints.
std::size_t slots_max_of(const VipService& service) {
    if (service.balance != conf::Balance::random) return fixed_slots;
    return service.has_named_endpoints ? named_slots_max : slots_max;
}

void check_weights(const VipService& service, std::vector<conf::Diagnostic>& faults) {
    const auto what = "service '" + service.name + "'";
    const auto most = slots_max_of(service);
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const auto weights = weights_of(service, family);
        if (weights.size() > most) {
            faults.push_back(
                {service.where, what + " has more than " + std::to_string(most) +
                                    " endpoints of one family" +
                                    (service.has_named_endpoints ? " beside those given by name" : "")});
        } else if (!fewest_slots(weights, most)) {
            faults.push_back({service.where, what + ": the shares of these weights cannot be kept "
                                                    "within 1 %: make them less different"});
        }
    }
}

/// The room that each port takes in the map of one family and protocol; the larger of both families.
std::size_t room_of(const VipService& service) {
    if (service.balance != conf::Balance::random || service.has_named_endpoints) {
        return slots_max_of(service);
    }
    std::size_t most = 0;
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        auto weights = weights_of(service, family);
        weights.resize(std::min(weights.size(), slots_max));  // more are a fault already
        most = std::max(most, draw_for_weights(weights));
    }
    return most;
}

}  // namespace

std::vector<conf::Diagnostic> vip_faults(const std::vector<VipService>& services) {
    std::vector<conf::Diagnostic> faults;
    std::size_t turns = 0, slots = 0;
    for (const auto& service : services) {
        const auto turns_before = turns, slots_before = slots;
        check_weights(service, faults);
        if (service.balance == conf::Balance::round_robin) turns += service.ports.size();
        slots += service.ports.size() * room_of(service);
        if (turns > turn_chains_max && turns_before <= turn_chains_max) {
            faults.push_back({service.where,
                              "service '" + service.name + "': at most " +
                                  std::to_string(turn_chains_max) +
                                  " ports of services can have balance = \"round-robin\", each of "
                                  "which has a counter in the kernel: use \"random\""});
        }
        if (slots > vip_slots_max && slots_before <= vip_slots_max) {
            faults.push_back({service.where, "service '" + service.name +
                                                 "' and those before it have more endpoints than "
                                                 "the kernel is asked to hold"});
        }
    }
    return faults;
}

}  // namespace meshgate::netfilter
