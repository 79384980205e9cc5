#include "namespace.h"
#include "rulesets.h"

#include "netfilter/nftnl/kernel.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <ostream>
#include <string>

using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

const Ownership ours{.format = table_format, .version = "0.1.0", .digest = std::string(64, 'a')};

Ruleset with_ports(PortElements ports) {
    Ruleset ruleset;
    ruleset.sets = {{"open_ports", "", std::move(ports)},
                    {"users", "", UidElements{{5678, 5678}, {7000, 4294967294}}},
                    {"networks", "",
                     AddressElements{Family::ipv4, {Cidr::parse("10.0.0.0/8").value()}}}};
    ruleset.chains = {{"output",
                       BaseChain{ChainType::nat, Hook::output, -105},
                       {{{MatchL4Proto{{Protocol::tcp}}, MatchDport{SetRef{"open_ports"}}},
                         {},
                         Return{},
                         "open"}}}};
    return ruleset;
}

/// The handle of the only rule: another one when it was made anew.
std::string handles() {
    return output_of("nft -a list chain inet meshgate output | grep -o 'handle [0-9]*'");
}

}  // namespace

TEST_CASE("what is held cannot be changed by others, not even flushed, until it is let go") {
    enter_fresh_namespace();
    const auto ruleset = with_ports({{53, 53}});
    std::string before;
    {
        Kernel holder{Held::yes};
        if (!holder.holds()) {
            MESSAGE("this kernel cannot hold tables (before Linux 6.9)");
            return;
        }
        holder.replace(ruleset, ours);
        CHECK(holder.read("meshgate")->is_held);
        CHECK(holder.read("meshgate")->unknown.empty());
        before = handles();
        output_of("nft flush ruleset");
        output_of("! nft delete table inet meshgate 2>/dev/null");
        Kernel other;
        CHECK_THROWS_AS(other.remove("meshgate"), KernelError);
        CHECK_THROWS_AS(other.replace(ruleset, ours), KernelError);
        CHECK(!other.claim("meshgate"));
        CHECK(other.read("meshgate")->ruleset == ruleset);
        holder.replace(with_ports({{80, 80}}), ours);
        holder.replace(ruleset, ours);
        before = handles();
    }
    Kernel next{Held::yes};
    CHECK(!next.read("meshgate")->is_held);
    CHECK(next.claim("meshgate"));
    CHECK(handles() == before);
    CHECK(next.read("meshgate")->is_held);
    CHECK(next.remove("meshgate"));
}

TEST_CASE("a table that was never held is not claimed, and one of somebody else's neither") {
    enter_fresh_namespace();
    Kernel plain;
    plain.replace(with_ports({}), ours);
    Kernel holder{Held::yes};
    CHECK(!holder.claim("meshgate"));
    CHECK(!holder.claim("none"));
    CHECK(!plain.claim("meshgate"));
}

TEST_CASE("elements are changed without touching a rule") {
    enter_fresh_namespace();
    Kernel kernel;
    auto now = with_ports({});
    kernel.replace(now, ours);
    const auto before = handles();
    for (const auto& ports : {PortElements{{53, 53}}, PortElements{{53, 53}, {80, 90}},
                              PortElements{{53, 85}}, PortElements{{1, 65535}},
                              PortElements{{53, 53}, {65535, 65535}}, PortElements{}}) {
        const auto wanted = with_ports(ports);
        REQUIRE(kernel.update_elements(now, wanted));
        const auto found = kernel.read("meshgate");
        CHECK(found->unknown.empty());
        CHECK(found->ruleset == wanted);
        CHECK(handles() == before);
        now = wanted;
    }
    auto other = now;
    other.chains.front().rules.clear();
    CHECK(!kernel.update_elements(now, other));
    other = now;
    other.sets.pop_back();
    CHECK(!kernel.update_elements(now, other));
    CHECK(kernel.read("meshgate")->ruleset == now);
}

TEST_CASE("a change of elements that are not there is refused as a whole") {
    enter_fresh_namespace();
    Kernel kernel;
    kernel.replace(with_ports({}), ours);
    CHECK_THROWS_AS(kernel.update_elements(with_ports({{53, 53}}), with_ports({{80, 80}})),
                    KernelError);
    CHECK(kernel.read("meshgate")->ruleset == with_ports({}));
}

TEST_CASE("the set that says whether DNS is open is a state, not a part of the rules") {
    enter_fresh_namespace();
    Kernel kernel;
    auto planned = with_ports({});
    planned.sets.front().name = open_dns_set;
    planned.chains.front().rules.front().matches.back() = MatchDport{SetRef{open_dns_set}};
    kernel.replace(planned, ours);
    CHECK(!kernel.read("meshgate")->dns_is_open);
    auto open = planned;
    open.sets.front().elements = PortElements{{53, 53}};
    REQUIRE(kernel.update_elements(planned, open));
    CHECK(kernel.read("meshgate")->dns_is_open);
    CHECK(kernel.read("meshgate")->ruleset == planned);
}
