#include "configurations.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

/// `count` entries as a TOML list, none next to another.
template <class ToText>
std::string list(int count, ToText to_text) {
    std::string text = "[";
    for (int i = 0; i < count; ++i) text += (i == 0 ? "\"" : ", \"") + to_text(i) + "\"";
    return text + "]";
}

std::string toml(int networks, int users, int ports) {
    const auto cidr = [](int i) {
        return "10." + std::to_string(i / 128) + "." + std::to_string(2 * (i % 128)) + ".0/24";
    };
    const auto user = [](int i) { return std::to_string(100'000 + 2 * i); };
    const auto port = [](int i) { return std::to_string(2000 + 2 * i); };
    return "[proxy]\nexempt_users = " + list(users, user) +
           "\n[redirect.inbound]\nexclude_ports = " + list(ports, port) +
           "\nexclude_sources = " + list(networks, cidr) +
           "\n[redirect.outbound]\nexclude_ports = " + list(ports, port) +
           "\nexclude_destinations = " + list(networks, cidr) +
           "\n[redirect.dns]\nenabled = true\ncapture = \"all\"\n";
}

struct Counts {
    std::size_t rules = 0;
    std::size_t elements = 0;
};

Counts count(const Ruleset& ruleset) {
    Counts counts;
    for (const Chain& chain : ruleset.chains) counts.rules += chain.rules.size();
    for (const Set& set : ruleset.sets) {
        if (const auto* networks = std::get_if<AddressElements>(&set.elements)) {
            counts.elements += networks->networks.size();
        } else if (const auto* users = std::get_if<UidElements>(&set.elements)) {
            counts.elements += users->size();
        } else {
            counts.elements += std::get<PortElements>(set.elements).size();
        }
    }
    return counts;
}

Plan plan_for(int networks, int users, int ports) {
    Configuration configuration{"scale.toml", toml(networks, users, ports), {}};
    for (int i = 0; i < users; ++i) {
        const auto uid = static_cast<Uid>(100'000 + 2 * i);
        configuration.host.exempt_users.push_back({uid, uid});
    }
    return plan_of(configuration);
}

}  // namespace

TEST_CASE("lists of any length are as many rules") {
    const auto few = count(plan_for(10, 10, 10).ruleset);
    const auto many = count(plan_for(1000, 500, 200).ruleset);
    CHECK(many.rules == few.rules);
    CHECK(few.elements == 2 * 10 + 11 + 2 * 10);
    CHECK(many.elements == 2 * 1000 + 501 + 2 * 200);
}

TEST_CASE("an entry of redirect.outbound.exclude is one rule, two where it concerns DNS") {
    const auto rules = [](int entries, const std::string& entry) {
        Configuration configuration{"exclude.toml",
                                    "[redirect.dns]\nenabled = true\ncapture = \"all\"\n"
                                    "[redirect.outbound]\nexclude = [",
                                    {}};
        for (int i = 0; i < entries; ++i) {
            const auto uid = static_cast<Uid>(1000 + i);
            configuration.toml += "{ users = " + std::to_string(uid) + entry + " },";
            configuration.host.exclude_users.push_back({{uid, uid}});
        }
        configuration.toml += "]\n";
        return count(plan_of(configuration).ruleset).rules;
    };
    const auto none = rules(0, "");
    CHECK(rules(100, ", protocols = \"tcp\", ports = [443, 8443]") == none + 100);
    CHECK(rules(100, "") == none + 200);
}
