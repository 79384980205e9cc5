#include "src/meshgate-redirect/fit.h"

#include "conf/load.h"
#include "netfilter/iptables/saved.h"

#include <doctest/doctest.h>

#include <array>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using redirect::keep_resolver_users;
using Users = std::vector<conf::Uid>;

namespace {

Host host_with(std::vector<Users> resolvers) {
    Host host;
    unsigned char last = 1;
    for (auto& users : resolvers) {
        const std::array<std::uint8_t, 4> bytes{127, 0, 0, last++};
        host.local_resolvers.push_back({conf::IpAddress::ipv4(bytes), "", std::move(users)});
    }
    return host;
}

Ruleset installed_for(std::vector<Users> resolvers) {
    const auto config =
        conf::parse("[redirect.dns]\nenabled = true\ncapture = \"all\"", "t").config;
    return plan(config, host_with(std::move(resolvers))).ruleset;
}

}  // namespace

TEST_CASE("users of a resolver that does not run now are those of the install") {
    struct Row {
        std::vector<Users> then, now, kept;
    };
    const std::vector<Row> rows{
        {{{112}}, {{}}, {{112}}},
        {{{0}}, {{}}, {{0}}},
        {{{112}, {0}}, {{}, {}}, {{0, 112}, {0, 112}}},
        {{{112}}, {{113}}, {{113}}},  // another one runs now
        {{{112}}, {{113}, {}}, {{113}, {112}}},
        {{{}}, {{}}, {{}}},
        {{{112}}, {}, {}},  // resolv.conf names none any more
    };
    for (const auto& row : rows) {
        const auto installed = installed_for(row.then);
        for (const auto& form : {installed, iptables_form(installed, "lo")}) {
            auto host = host_with(row.now);
            const bool kept = keep_resolver_users(host, form);
            REQUIRE(host.local_resolvers.size() == row.kept.size());
            for (std::size_t i = 0; i < row.kept.size(); ++i) {
                CHECK(host.local_resolvers[i].users == row.kept[i]);
            }
            CHECK(kept == (row.kept != row.now));
        }
    }
}

TEST_CASE("a set that somebody has filled to the brim is no list of users") {
    auto ruleset = installed_for({{112}});
    for (auto& set : ruleset.sets) {
        if (set.name == "local_resolvers") set.elements = UidElements{{1, 4294967295}};
    }
    auto host = host_with({{}});
    CHECK(keep_resolver_users(host, ruleset));
    CHECK(host.local_resolvers[0].users.size() == 64);
}
