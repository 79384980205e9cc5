#include "vip_rulesets.h"

#include "netfilter/ruleset/print.h"

#include <array>

namespace meshgate::netfilter::test {

conf::IpAddress ip(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

conf::IpAddress vip(std::size_t number) {
    const std::array<std::uint8_t, 4> bytes{240, static_cast<std::uint8_t>(number >> 16),
                                            static_cast<std::uint8_t>(number >> 8),
                                            static_cast<std::uint8_t>(number)};
    return conf::IpAddress::ipv4(bytes);
}

VipSlot slot(std::size_t number, std::uint32_t at, Port port) {
    return {vip(number), 80, at, ip("192.0.2.10"), port};
}

Ruleset vips(std::size_t count) {
    Ruleset ruleset{.table = "meshgate", .sets = {}, .chains = {}};
    for (const std::uint32_t slots : {1U, 2U, 3U}) {
        const DnatToSlot dnat{Family::ipv4, Protocol::tcp, SlotChoice::random, slots, endpoints};
        ruleset.chains.push_back(
            {"vip_random_" + std::to_string(slots), std::nullopt, {{{}, uncounted, dnat, ""}}});
    }
    ruleset.chains.push_back({"output",
                              BaseChain{ChainType::nat, Hook::output, -105},
                              {{{}, uncounted, ToClass{Family::ipv4, Protocol::tcp, classes}, ""}}});
    ClassMap to{classes, "", Family::ipv4, {}};
    EndpointMap map{endpoints, "", Family::ipv4, Protocol::tcp, {}};
    for (std::size_t i = 0; i < count; ++i) {
        to.elements.push_back({vip(i), 80, "vip_random_2"});
        for (const std::uint32_t at : {0U, 1U}) map.elements.push_back(slot(i, at));
    }
    ruleset.class_maps = {to};
    ruleset.endpoint_maps = {map};
    return ruleset;
}

Ownership mark(const Ruleset& ruleset) {
    return {.format = 1, .version = "0.1.0", .digest = digest(ruleset)};
}

}  // namespace meshgate::netfilter::test
