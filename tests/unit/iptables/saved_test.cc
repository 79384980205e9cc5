#include "netfilter/iptables/saved.h"

#include "netfilter/iptables/replacement.h"
#include "netfilter/iptables/saved_rule.h"
#include "netfilter/iptables/text.h"
#include "netfilter/plan/summary.h"
#include "netfilter/ruleset/print.h"
#include "tests/unit/plan/configurations.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using test::configurations;
using test::plan_of;

namespace {

const std::string mark =
    "-A MESHGATE -m comment --comment \"meshgate format=1 version=0.1.0 digest=ab\" -j RETURN\n";
const std::string jump =
    "-A OUTPUT -m comment --comment \"meshgate: output, priority -105\" -j MESHGATE_OUTPUT\n";
const std::string head = "*nat\n:OUTPUT ACCEPT [1:2]\n:MESHGATE - [0:0]\n"
                         ":MESHGATE_OUTPUT - [0:0]\n";

SavedRules ipv4(const std::string& text) {
    return read_saved(text, Family::ipv4, "lo");
}

SavedRules with_rule(const std::string& rule) {
    return ipv4(head + mark + jump + "-A MESHGATE_OUTPUT " + rule + "\nCOMMIT\n");
}

std::string rule_words(const std::string& rule) {
    const auto saved = with_rule(rule);
    if (!saved.unknown.empty()) return "unknown";
    return to_nft(saved.chains.at(0).rules.at(0));
}

}  // namespace

TEST_CASE("every ruleset of the plan is read back without anything unknown") {
    for (const auto& row : configurations()) {
        CAPTURE(row.name);
        const auto plan = plan_of(row);
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            auto tables = iptables_words(plan.ruleset, family);
            const auto saved = read_saved(replacement_text({}, tables), family, "lo");
            auto unmarked = saved.unknown;
            std::erase_if(unmarked,
                          [](const auto& line) { return line.ends_with("of its origin"); });
            CHECK(unmarked == std::vector<std::string>{});
            CHECK(saved.tables == tables);
        }
        const auto form = iptables_form(plan.ruleset, "lo");
        CHECK(form == iptables_form(plan.ruleset, "lo"));
        CHECK(summarize(form) == summarize(plan.ruleset));
    }
}

TEST_CASE("what iptables-save prints and what we print are one rule") {
    const auto* const ours = "-p tcp --dport 53 -m owner --uid-owner 5678 -m comment "
                             "--comment \"the proxy's \\\"own\\\"\" -j RETURN";
    const auto* const theirs = "-p tcp -m tcp --dport 53 -m owner --uid-owner 5678 -m comment "
                               "--comment \"the proxy\\'s \\\"own\\\"\" -j RETURN";
    CHECK(with_rule(ours).chains == with_rule(theirs).chains);
    CHECK(with_rule(ours).chains.at(0).rules.at(0).comment == "the proxy's \"own\"");
    CHECK(with_rule("-d 192.0.2.1 -o lo -p udp -j DROP").chains ==
          with_rule("-o lo -p udp -d 192.0.2.1/32 -j DROP").chains);
}

TEST_CASE("rules in nft's words") {
    struct Row {
        const char *saved, *nft;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"-j RETURN", "meta nfproto ipv4 return"},
             {"! -d 10.0.0.0/8 -o lo -j RETURN",
              "meta nfproto ipv4 ip daddr != 10.0.0.0/8 meta oiftype loopback return"},
             {"-i br-+ -p tcp -m tcp --dport 30:40 -j REDIRECT --to-ports 15001",
              "meta nfproto ipv4 tcp dport 30-40 iifname \"br-*\" redirect to :15001"},
             {"-j CT --zone-orig 7", "meta nfproto ipv4 ct original zone set 7"},
             {"-m addrtype --dst-type LOCAL -j DROP",
              "meta nfproto ipv4 fib daddr type local drop"},
             {"-j MESHGATE_DNS_ZONE", "meta nfproto ipv4 jump dns_zone"},
             {"-m owner --gid-owner 1337 -j RETURN", "meta nfproto ipv4 meta skgid 1337 return"},
             {"-m owner --gid-owner 1-2 -j RETURN",
              "meta nfproto ipv4 meta skgid @ip_output_1g return"},
             {"-m owner --uid-owner 1 --gid-owner 2 -m mark --mark 0x3 -j RETURN",
              "meta nfproto ipv4 meta skuid 1 meta skgid 2 meta mark 0x00000003 return"},
             {"-m mark --mark 0x539/0xfff -j RETURN",
              "meta nfproto ipv4 meta mark & 0x00000fff == 0x00000539 return"},
             {"-m comment --comment \"exempt_mark: why\" -j RETURN",
              "meta nfproto ipv4 counter name \"exempt_mark\" return"},
             {"-m comment --comment \"exempt_nobody: why\" -j RETURN",
              "meta nfproto ipv4 return"},
             // What we never write.
             {"-j ACCEPT", "unknown"},
             {"-g MESHGATE_DNS_ZONE", "unknown"},
             {"-j RETURN -j RETURN", "unknown"},
             {"-m mark ! --mark 0x1 -j RETURN", "unknown"},
             {"-m mark --mark 0x1/0x -j RETURN", "unknown"},
             {"-m connmark --mark 0x1 -j RETURN", "unknown"},
             {"-m owner --gid-owner 4294967296 -j RETURN", "unknown"},
             {"-m owner ! --gid-owner 1 -j RETURN", "unknown"},
             {"-p tcp -p udp -j RETURN", "unknown"},
             {"-p 6 -j RETURN", "unknown"},
             {"! -p tcp -j RETURN", "unknown"},
             {"-d 2001:db8::1 -j RETURN", "unknown"},
             {"-d 10.0.0.1/8 -j RETURN", "unknown"},
             {"--dport 70000 -j RETURN", "unknown"},
             {"--dport 9:8 -j RETURN", "unknown"},
             {"--dports 1,,2 -j RETURN", "unknown"},
             {"-m owner --uid-owner 4294967296 -j RETURN", "unknown"},
             {"-m owner ! --uid-owner 1 -j RETURN", "unknown"},
             {"-m conntrack --ctstate NEW -j DROP", "unknown"},
             {"-j REDIRECT", "unknown"},
             {"-j CT --zone-orig 65536", "unknown"},
             {"-j", "unknown"},
             {"!", "unknown"},
             {"", "unknown"},
         }) {
        CAPTURE(row.saved);
        CHECK(rule_words(row.saved) == row.nft);
    }
}

TEST_CASE("what rules counted is added up by cause, and goes on in the rules after them") {
    const auto rule = [](const std::string& counts, const std::string& comment) {
        return counts + "-A MESHGATE_OUTPUT -p tcp -m comment --comment \"" + comment +
               "\" -j RETURN\n";
    };
    const auto saved = ipv4(head + "[9:9] " + mark + "[3:4] " + jump +
                            rule("[1:60] ", "exempt_port: one") +
                            rule("[20:1200] ", "exempt_port: two") +
                            rule("[5:300] ", "exempt_user: three") + rule("[7:7] ", "four") +
                            rule("", "exempt_mark: five") + "COMMIT\n");
    CHECK(saved.unknown == std::vector<std::string>{});
    CHECK(saved.counters == Counters{{"exempt_port", 21, 1260}, {"exempt_user", 5, 300}});
    CHECK(saved.tables.at(0).rules.at(1) ==
          "-A MESHGATE_OUTPUT -p tcp -m comment --comment \"exempt_port: one\" -j RETURN");
    const auto text = with_counts(replacement_text({}, saved.tables), saved.counters);
    CHECK(text.find(rule("\n[21:1260] ", "exempt_port: one")) != text.npos);
    CHECK(text.find(rule("\n", "exempt_port: two")) != text.npos);
    CHECK(text.find(rule("\n[5:300] ", "exempt_user: three")) != text.npos);
    CHECK(read_saved(text, Family::ipv4, "lo").counters == saved.counters);
}

TEST_CASE("counts that are none are passed over") {
    for (const std::string counts : {"[1] ", "[1:] ", "[:1] ", "[1:2:3] ", "[-1:2] ",
                                     "[18446744073709551616:1] "}) {
        CAPTURE(counts);
        const auto saved = ipv4(head + mark + jump + counts +
                                "-A MESHGATE_OUTPUT -m comment --comment \"exempt_port: one\" "
                                "-j RETURN\nCOMMIT\n");
        CHECK(saved.counters.empty());
    }
    CHECK(ipv4("[1:2 -A MESHGATE_OUTPUT").tables.empty());
    CHECK(ipv4("[").tables.empty());
}

TEST_CASE("a rule that logs is one with the rule after it") {
    const auto log = [](const std::string& matches) {
        return "-A MESHGATE_OUTPUT " + matches + "-j LOG --log-prefix \"mg \" --log-level 7\n";
    };
    const std::string rule = "-A MESHGATE_OUTPUT -p tcp -j REDIRECT --to-ports 1\n";
    auto saved = ipv4(head + mark + jump + log("-p tcp ") + rule + "COMMIT\n");
    CHECK(saved.unknown.empty());
    REQUIRE(saved.chains.at(0).rules.size() == 1);
    CHECK(saved.chains.at(0).rules.at(0).log_prefix == "mg ");
    CHECK(ipv4(head + mark + jump + log("-p udp ") + rule + "COMMIT\n").unknown.size() == 1);
    CHECK(ipv4(head + mark + jump + rule + log("-p tcp ") + "COMMIT\n").unknown.size() == 1);
}

TEST_CASE("what is not as we leave it is said") {
    struct Row {
        const char* what;
        std::string text;
        const char* said;
    };
    const std::string foreign = "-A OUTPUT -j DOCKER\n";
    const std::string inbound = "-A PREROUTING -m comment --comment \"meshgate: inbound, priority "
                                "-80\" -j MESHGATE_INBOUND\n";
    for (const Row& row : std::initializer_list<Row>{
             {"before us", head + mark + foreign + jump, "comes after rules of others in OUTPUT"},
             {"after us", head + mark + jump + foreign, ""},
             {"after inbound",
              head + ":MESHGATE_INBOUND - [0:0]\n" + mark + jump + inbound +
                  "-A PREROUTING -j DOCKER\n",
              "comes before rules of others in PREROUTING"},
             {"twice", head + mark + jump + jump, "a second jump to MESHGATE_OUTPUT"},
             {"elsewhere", head + mark + jump + "-A FOO -j MESHGATE_OUTPUT\n", "a jump from FOO"},
             {"no mark", head + jump, "without the mark of its origin"},
             {"two marks", head + mark + mark + jump, "without the mark of its origin"},
             {"a trial", head + ":MGTRIAL_OUTPUT - [0:0]\n" + mark + jump, "chain MGTRIAL_OUTPUT"},
         }) {
        CAPTURE(row.what);
        const auto saved = ipv4(row.text + "COMMIT\n");
        if (*row.said == '\0') {
            CHECK(saved.unknown.empty());
        } else {
            REQUIRE(saved.unknown.size() == 1);
            CHECK(saved.unknown.at(0).find(row.said) != std::string::npos);
        }
    }
}

TEST_CASE("chains of others, whatever they are called, are not ours") {
    const auto saved = ipv4("*nat\n:MESHGATE_LIKE - [0:0]\n:MESHGATEWAY - [0:0]\n"
                            ":MESHGATE_NAT_EXCEPT_ - [0:0]\n:MESHGATE_NAT_EXCEPT_1x - [0:0]\n"
                            "-A OUTPUT -j MESHGATE_LIKE\n"
                            "-A OUTPUT -m comment --comment \"-j MESHGATE_OUTPUT\" -j RETURN\n"
                            "-A OUTPUT -m comment --comment \"open -j MESHGATE_OUTPUT\nCOMMIT\n");
    CHECK(saved.tables.empty());
    CHECK_FALSE(installed_of(saved, {}).has_value());
}

TEST_CASE("the mark says whose it is, and several say that an install was interrupted") {
    const auto installed = installed_of(with_rule("-j RETURN"), {});
    REQUIRE(installed);
    CHECK(installed->ownership == Ownership{1, "0.1.0", "ab"});
    CHECK(installed->unknown.empty());
    auto other = mark;
    other.replace(other.find("=ab"), 3, "=cd");
    const auto both =
        installed_of(ipv4(head + mark + jump + "COMMIT\n"),
                     read_saved(head + other + jump + "COMMIT\n", Family::ipv6, "lo"));
    REQUIRE(both->unknown.size() == 1);
    CHECK(both->unknown.at(0).find("several installs") != std::string::npos);
    // A table that was emptied (`iptables -F`) is still ours, of no version.
    CHECK(installed_of(ipv4(head + "COMMIT\n"), {})->ownership == Ownership{0, "", ""});
}

TEST_CASE("a replacement takes away exactly what is there, and nothing else") {
    auto before = with_rule("-j RETURN").tables;
    const std::vector<TableWords> after{{"nat",
                                         {"MESHGATE_INBOUND"},
                                         {"-A MESHGATE_INBOUND -j RETURN"},
                                         {{"PREROUTING", "-j MESHGATE_INBOUND", false}}}};
    CHECK(replacement_text(before, after) ==
          "*nat\n:MESHGATE_INBOUND - [0:0]\n"
          "-D OUTPUT -m comment --comment \"meshgate: output, priority -105\" -j MESHGATE_OUTPUT\n"
          "-F MESHGATE\n-F MESHGATE_OUTPUT\n-X MESHGATE\n-X MESHGATE_OUTPUT\n"
          "-A MESHGATE_INBOUND -j RETURN\n-A PREROUTING -j MESHGATE_INBOUND\nCOMMIT\n");
    CHECK(replacement_text({}, {}).empty());
    before.push_back({"raw", {"MESHGATE"}, {}, {}});
    const auto removal = replacement_text(before, {});
    CHECK(removal.find("*nat") < removal.find("*raw"));  // installed the other way round
}

TEST_CASE("words of a line, as iptables-restore splits it") {
    using Words = std::vector<std::string>;
    CHECK(split_iptables_line(R"(-A X  --comment "a \"b\" \\ 'c' \'d" -j	Y)") ==
          Words{"-A", "X", "--comment", R"(a "b" \ 'c' 'd)", "-j", "Y"});
    CHECK(split_iptables_line(R"(a "" b)") == Words{"a", "", "b"});
    CHECK_FALSE(split_iptables_line(R"(a "b)").has_value());
    CHECK_FALSE(split_iptables_line(R"(a "b\")").has_value());
}
