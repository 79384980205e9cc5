#include "namespace.h"
#include "rulesets.h"

#include "netfilter/nftnl/kernel.h"

#include <doctest/doctest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <ostream>
#include <string>

using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

const Ownership ours{.format = table_format, .version = "0.1.0", .digest = std::string(64, 'a')};

/// All unknown objects, to see in a failed check.
std::string unknown_lines(const Installed& installed) {
    std::string lines;
    for (const auto& line : installed.unknown) lines += line + "\n";
    return lines;
}

bool same(const Ownership& a, const Ownership& b) {
    return a.format == b.format && a.version == b.version && a.digest == b.digest;
}

}  // namespace

TEST_CASE("what was written is read back equal, object by object") {
    for (const auto& [name, ruleset] : every_kind()) {
        CAPTURE(name);
        enter_fresh_namespace();
        Kernel kernel;
        kernel.replace(ruleset, ours);
        const auto installed = kernel.read(ruleset.table);
        REQUIRE(installed.has_value());
        CHECK(unknown_lines(*installed) == "");
        REQUIRE(installed->ownership.has_value());
        CHECK(same(*installed->ownership, ours));
        CHECK(installed->ruleset.sets == ruleset.sets);
        CHECK(installed->ruleset == ruleset);
    }
}

TEST_CASE("replace leaves nothing of what was there") {
    enter_fresh_namespace();
    Kernel kernel;
    for (const auto& [name, ruleset] : every_kind()) {
        if (ruleset.table != "meshgate") continue;
        CAPTURE(name);
        kernel.replace(ruleset, ours);
        const auto installed = kernel.read("meshgate");
        REQUIRE(installed.has_value());
        CHECK(installed->ruleset == ruleset);
    }
}

TEST_CASE("replace takes a foreign table of our name, and others are left alone") {
    enter_fresh_namespace();
    output_of("nft 'add table inet meshgate; add chain inet meshgate c; add table inet other'");
    Kernel kernel;
    const auto foreign = kernel.read("meshgate");
    REQUIRE(foreign.has_value());
    CHECK_FALSE(foreign->ownership.has_value());
    kernel.replace(every_kind().back().ruleset, ours);
    CHECK(kernel.read("meshgate")->ownership.has_value());
    CHECK(kernel.read("other").has_value());
}

TEST_CASE("a table that is not there") {
    enter_fresh_namespace();
    Kernel kernel;
    CHECK_FALSE(kernel.read("meshgate").has_value());
    CHECK_FALSE(kernel.remove("meshgate"));
}

TEST_CASE("remove takes the whole table") {
    enter_fresh_namespace();
    Kernel kernel;
    kernel.replace(every_kind().back().ruleset, ours);
    CHECK(kernel.remove("meshgate"));
    CHECK_FALSE(kernel.read("meshgate").has_value());
    CHECK(output_of("nft list ruleset").empty());
}

TEST_CASE("what is to go by its digest goes, and what came in its place stays") {
    enter_fresh_namespace();
    Kernel kernel;
    auto theirs = ours;
    theirs.digest = std::string(64, 'b');
    CHECK_FALSE(kernel.remove("meshgate", ours.digest));
    kernel.replace(every_kind().front().ruleset, theirs);
    CHECK_FALSE(kernel.remove("meshgate", ours.digest));
    CHECK(kernel.read("meshgate").has_value());
    CHECK(kernel.remove("meshgate", theirs.digest));
    CHECK_FALSE(kernel.read("meshgate").has_value());
    output_of("nft 'add table inet meshgate'");
    CHECK_FALSE(kernel.remove("meshgate", ours.digest));
}

TEST_CASE("the first rules wait until everything is ready for them, later ones do not") {
    enter_fresh_namespace();
    Kernel kernel;
    const auto ruleset = every_kind().front().ruleset;
    int called = 0;
    const auto before_first = [&called, &ruleset] {
        ++called;
        const auto listing = output_of("nft list table inet " + ruleset.table);
        CHECK(listing.find("flags dormant") != std::string::npos);
    };
    kernel.replace(ruleset, ours, before_first);
    CHECK(called == 1);
    kernel.replace(ruleset, ours, before_first);
    CHECK(called == 1);
}

TEST_CASE("twenty thousand elements arrive whole") {
    enter_fresh_namespace();
    const auto ruleset = many_ports(20'000);
    Kernel kernel;
    kernel.replace(ruleset, ours);
    const auto installed = kernel.read("meshgate");
    REQUIRE(installed.has_value());
    CHECK(std::get<PortElements>(installed->ruleset.sets.at(0).elements).size() == 20'000);
    CHECK(installed->ruleset == ruleset);
}

TEST_CASE("thousands of rules in one transaction") {
    enter_fresh_namespace();
    auto ruleset = every_kind().back().ruleset;
    auto& rules = ruleset.chains.back().rules;
    while (rules.size() < 5000) rules.push_back(rules.front());
    Kernel kernel;
    kernel.replace(ruleset, ours);
    CHECK(kernel.read("meshgate")->ruleset == ruleset);
}

TEST_CASE("a refused ruleset changes nothing and the error names the object") {
    enter_fresh_namespace();
    Kernel kernel;
    const auto good = every_kind().back().ruleset;
    kernel.replace(good, ours);
    const auto before = output_of("nft -a list ruleset");

    struct Row {
        std::string name;
        Ruleset ruleset;
        int error;
        std::string object;
    };
    const BaseChain nat{ChainType::nat, Hook::output, -105};
    const Rule jump_nowhere{{}, uncounted, Jump{"nowhere"}, {}};
    const Rule redirect_in_filter{{MatchL4Proto{{Protocol::tcp}}}, uncounted, RedirectTo{1}, {}};
    const Set twice{"ports", {}, PortElements{{1, 1}}};
    const Set overlapping{"ports", {}, PortElements{{1, 10}, {5, 20}}};
    const std::vector<Row> rows{
        {"jump to a missing chain",
         {"meshgate", {}, {{"c", nat, {jump_nowhere}}}},
         ENOENT,
         "in chain c"},
        {"redirect outside of nat",
         {"meshgate",
          {},
          {{"f", BaseChain{ChainType::filter, Hook::output, 0}, {redirect_in_filter}}}},
         EOPNOTSUPP,
         "in chain f"},
        {"a missing set",
         {"meshgate", {}, {{"c", nat, {{{MatchSkuid{SetRef{"users"}}}, uncounted, Return{}, {}}}}}},
         ENOENT,
         "in chain c"},
        {"nat before conntrack",
         {"meshgate", {}, {{"early", BaseChain{ChainType::nat, Hook::output, -300}, {}}}},
         EOPNOTSUPP,
         "chain early"},
        {"overlapping elements", {"meshgate", {overlapping}, {}}, EEXIST, "set ports"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        for (const bool trial : {true, false}) {
            CAPTURE(trial);
            std::optional<KernelError> error;
            if (trial) {
                error = kernel.trial(row.ruleset);
            } else {
                try {
                    kernel.replace(row.ruleset, ours);
                } catch (const KernelError& thrown) {
                    error = thrown;
                }
            }
            REQUIRE(error.has_value());
            CHECK(error->error() == row.error);
            CHECK(error->object().find(row.object) != std::string::npos);
            CHECK(std::string{error->what()}.find(error->object()) == 0);
            CHECK(output_of("nft -a list ruleset") == before);
            CHECK(kernel.read("meshgate")->ruleset == good);
        }
    }
}

TEST_CASE("a trial leaves no trace") {
    enter_fresh_namespace();
    Kernel kernel;
    for (const auto& [name, ruleset] : every_kind()) {
        CAPTURE(name);
        const auto refusal = kernel.trial(ruleset);
        CHECK_FALSE(refusal.has_value());
    }
    CHECK(output_of("nft list ruleset").empty());
}

TEST_CASE("what we did not write is told as unknown") {
    const std::initializer_list<std::string> additions{
        "add rule inet meshgate nat_output tcp dport 22 accept",
        "add rule inet meshgate nat_output tcp sport 22 return",
        "add rule inet meshgate nat_output ip daddr & 255.0.255.0 == 10.0.1.0 return",
        "add rule inet meshgate nat_output ct state established,invalid return",
        "add rule inet meshgate nat_output meta l4proto { tcp, icmp } return",
        "add rule inet meshgate nat_output meta l4proto != { tcp, udp } return",
        "add rule inet meshgate nat_output tcp dport != @ports return",
        "add rule inet meshgate nat_output tcp dport != 80 return",
        "add rule inet meshgate nat_output skuid != 5 return",
        "add rule inet meshgate nat_output meta l4proto tcp redirect to :1 random",
        "add rule inet meshgate nat_output counter tcp dport 80 return",
        "add rule inet meshgate nat_output continue",
        "add rule inet meshgate raw_output udp dport 53 ct zone set 1",
        "add rule inet meshgate raw_output udp dport 53 ct reply zone set 1",
        "add element inet meshgate networks4 { 11.0.0.1-11.0.0.6 }",
        "add set inet meshgate more { type ether_addr; }",
        "add set inet meshgate more { type ipv4_addr; }",
        "add map inet meshgate more { type ipv4_addr : inet_service; }",
        "add chain inet meshgate more { type filter hook forward priority 0; }",
        "add chain inet meshgate more { type filter hook output priority 0; policy drop; }",
        "add chain inet meshgate more { type route hook output priority 0; }",
        "add chain inet meshgate more { comment \"hi\"; }",
        "add counter inet meshgate more",
        "add counter inet meshgate more.earlier",
        "add quota inet meshgate exempt_port { over 1 mbytes }",
        "add rule inet meshgate nat_output meta mark & 0xff != 1 return",
        "add rule inet meshgate nat_output meta mark | 0xff == 0xff return",
        "add rule inet meshgate nat_output skgid != 5 return",
        "add set inet meshgate more { type mark; flags interval; }",
        "add set inet meshgate more { type gid; }",
        "add table inet meshgate { flags dormant; }",
    };
    for (const auto& addition : additions) {
        CAPTURE(addition);
        enter_fresh_namespace();
        Kernel kernel;
        const auto ruleset = every_kind().back().ruleset;
        kernel.replace(ruleset, ours);
        output_of("nft '" + addition + "'");
        const auto installed = kernel.read("meshgate");
        REQUIRE(installed.has_value());
        CHECK(installed->unknown.size() == 1);
        CHECK(installed->ownership.has_value());
    }
}

TEST_CASE("counters are read by name, and go on where they were") {
    enter_fresh_namespace();
    Kernel kernel;
    CHECK(kernel.counters("meshgate").empty());
    Ruleset ruleset = every_kind().back().ruleset;
    ruleset.counters = {"captured_outbound", "exempt_port"};
    kernel.replace(ruleset, ours);
    CHECK(kernel.counters("meshgate") ==
          Counters{{"captured_outbound", 0, 0}, {"exempt_port", 0, 0}});
    // As if a table had counted: values are given at the making, by anybody.
    output_of("nft 'delete counter inet meshgate exempt_port; "
              "add counter inet meshgate exempt_port { packets 3 bytes 180 }; "
              "add counter inet meshgate exempt_port.earlier { packets 2 bytes 100 }; "
              "add counter inet meshgate nobodys { packets 1 bytes 1 }'");
    const Counters sums{{"captured_outbound", 0, 0}, {"exempt_port", 5, 280}};
    CHECK(kernel.counters("meshgate") == sums);
    output_of("nft delete counter inet meshgate nobodys");
    CHECK(kernel.read("meshgate")->ruleset == ruleset);
    CHECK(unknown_lines(*kernel.read("meshgate")) == "");
    kernel.replace(ruleset, ours);
    CHECK(kernel.counters("meshgate") == sums);
    CHECK(output_of("nft list counters").find("earlier") == std::string::npos);
    // What the bridge counts is added to what the table had.
    output_of("nft 'add table inet meshgate-bridge; "
              "add counter inet meshgate-bridge exempt_port { packets 1 bytes 60 }'");
    CHECK(kernel.counters("meshgate") ==
          Counters{{"captured_outbound", 0, 0}, {"exempt_port", 6, 340}});
    output_of("nft delete table inet meshgate-bridge");
    ruleset.counters = {"exempt_port"};
    kernel.replace(ruleset, ours);
    CHECK(kernel.counters("meshgate") == Counters{{"exempt_port", 5, 280}});
    kernel.remove("meshgate");
    CHECK(kernel.counters("meshgate").empty());
    kernel.replace(ruleset, ours);
    CHECK(kernel.counters("meshgate") == Counters{{"exempt_port", 0, 0}});
}

TEST_CASE("what nft writes in our words is read as ours") {
    enter_fresh_namespace();
    output_of("nft 'table inet meshgate { set users { type uid; flags interval; elements = { 5, "
              "7-9 }; }\n"
              "chain c { ip saddr 10.0.0.0/8 ip daddr 10.1.0.0/16 return\n"
              "meta skuid @users meta l4proto { udp, tcp } th dport 80-90 counter return\n }\n }'");
    Kernel kernel;
    const auto installed = kernel.read("meshgate");
    REQUIRE(installed.has_value());
    CHECK(unknown_lines(*installed) == "");
    const auto& rules = installed->ruleset.chains.at(0).rules;
    REQUIRE(rules.size() == 2);
    CHECK(rules[0].matches.size() == 2);
    CHECK(rules[1].matches.size() == 3);
    CHECK(std::get<UidElements>(installed->ruleset.sets.at(0).elements) ==
          UidElements{{5, 5}, {7, 9}});
}

TEST_CASE("the ownership survives a save and restore by nft") {
    enter_fresh_namespace();
    Kernel kernel;
    const auto ruleset = every_kind().back().ruleset;
    kernel.replace(ruleset, ours);
    const auto listing = output_of("nft list ruleset");
    output_of("nft list ruleset >/dev/null; nft list ruleset | sed 's/^table inet meshgate/&/' "
              "> /proc/self/fd/1 | cat > /dev/null; s=$(nft list ruleset); nft flush ruleset; "
              "echo \"$s\" | nft -f -");
    CHECK(output_of("nft list ruleset") == listing);
    const auto installed = kernel.read("meshgate");
    REQUIRE(installed.has_value());
    REQUIRE(installed->ownership.has_value());
    CHECK(same(*installed->ownership, ours));
    CHECK(installed->ruleset == ruleset);
}

TEST_CASE("without privilege every change and every look is EPERM") {
    enter_fresh_namespace();
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int failures = 0;
        if (::setuid(65534) != 0) ::_exit(100);
        Kernel kernel;
        const auto expect = [&failures](auto action) {
            try {
                action();
                ++failures;
            } catch (const KernelError& error) {
                failures += error.error() == EPERM ? 0 : 1;
            }
        };
        expect([&] { kernel.replace(every_kind().back().ruleset, ours); });
        expect([&] { kernel.remove("meshgate"); });
        expect([&] { static_cast<void>(kernel.read("meshgate")); });
        expect([&] { static_cast<void>(kernel.counters("meshgate")); });
        const auto refusal = kernel.trial(every_kind().back().ruleset);
        failures += refusal && refusal->error() == EPERM ? 0 : 1;
        ::_exit(failures);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
