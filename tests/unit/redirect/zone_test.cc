#include "src/meshgate-redirect/zone.h"

#include "conf/load.h"
#include "netfilter/ruleset/print.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

using namespace meshgate;
using namespace meshgate::netfilter;
using redirect::leave_out_zone;

namespace {

redirect::Setup setup_of(const std::string& more) {
    redirect::Setup setup;
    setup.config =
        conf::parse("[redirect.dns]\nenabled = true\ncapture = \"all\"\n" + more, "t").config;
    setup.plan = plan(setup.config, setup.host);
    return setup;
}

bool has_zone(const Ruleset& ruleset) {
    return to_nft(ruleset).find("ct original zone set") != std::string::npos;
}

/// A kernel that refuses zones, as nft_ct_set_init() does without CONFIG_NF_CONNTRACK_ZONES.
struct KernelWithoutZones {
    int error = EOPNOTSUPP;
    int trials = 0;

    std::optional<KernelError> operator()(const Ruleset& ruleset) {
        ++trials;
        if (!has_zone(ruleset)) return std::nullopt;
        return KernelError{"rule 'ct original zone set 1' in chain chain", error, ""};
    }
};

}  // namespace

TEST_CASE("a kernel without zones: the capture is planned without, and it is said") {
    auto setup = setup_of("");
    REQUIRE(has_zone(setup.plan.ruleset));
    KernelWithoutZones kernel;
    REQUIRE(leave_out_zone(setup, std::ref(kernel)));
    CHECK_FALSE(has_zone(setup.plan.ruleset));
    CHECK(setup.plan.ruleset == setup_of("conntrack_zone = 0").plan.ruleset);
    CHECK(to_nft(setup.plan.ruleset).find("redirect to :15053") != std::string::npos);
    REQUIRE(setup.notices.size() == 1);
    CHECK(setup.notices[0].find("CONFIG_NF_CONNTRACK_ZONES") != std::string::npos);
    CHECK_FALSE(leave_out_zone(setup, std::ref(kernel)));  // there is none left to leave out
    CHECK(setup.notices.size() == 1);
}

TEST_CASE("a kernel that takes zones, or nothing at all, or nobody's rules, changes no plan") {
    const auto refusing = [](int error) {
        return [error](const Ruleset&) -> std::optional<KernelError> {
            return KernelError{"table inet meshgate-trial", error, ""};
        };
    };
    for (const redirect::Trial& trial :
         {redirect::Trial{[](const Ruleset&) -> std::optional<KernelError> { return {}; }},
          redirect::Trial{refusing(EOPNOTSUPP)}, redirect::Trial{refusing(EPERM)},
          redirect::Trial{KernelWithoutZones{.error = EPERM}}}) {
        auto setup = setup_of("");
        CHECK_FALSE(leave_out_zone(setup, trial));
        CHECK(has_zone(setup.plan.ruleset));
        CHECK(setup.notices.empty());
    }
}

TEST_CASE("a plan without zones asks no kernel") {
    for (const std::string more : {"conntrack_zone = 0", "protocols = [\"tcp\"]"}) {
        auto setup = setup_of(more);
        KernelWithoutZones kernel;
        CHECK_FALSE(leave_out_zone(setup, std::ref(kernel)));
        CHECK(kernel.trials == 0);
    }
}
