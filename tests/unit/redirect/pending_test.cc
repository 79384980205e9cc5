#include "src/meshgate-redirect/confirm/pending.h"

#include "netfilter/plan/plan.h"
#include "netfilter/ruleset/print.h"
#include "src/meshgate-redirect/confirm/exclusion.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using namespace meshgate::redirect;

namespace {

const std::string id = "00112233445566aa";

Pending example() {
    return {.id = id, .until = std::chrono::milliseconds{4711}, .spared = conf::Port{22}};
}

conf::Config everything() {
    conf::Config config;
    config.redirect.dns.enabled = true;
    config.redirect.dns.capture = conf::DnsCaptureMode::all;
    return config;
}

std::vector<std::string> lines_more(const Ruleset& with, const Ruleset& without) {
    std::vector<std::string> more;
    const auto before = to_lines(without);
    for (const auto& line : to_lines(with)) {
        if (std::ranges::find(before, line) == before.end()) more.push_back(line);
    }
    return more;
}

}  // namespace

TEST_CASE("a pending install is one word, and is read back") {
    auto pending = example();
    CHECK(pending_word(pending) == "confirm:until=4711:id=" + id + ":port=22");
    CHECK(parse_pending(pending_word(pending)) == pending);
    pending.spared.reset();
    CHECK(parse_pending(pending_word(pending)) == pending);
}

TEST_CASE("what somebody else wrote is no pending install") {
    for (const std::string word :
         {"", "confirm:", "confirm:until=4711", "confirm:id=00112233445566aa",
          "confirm:until=-1:id=00112233445566aa", "confirm:until=1x:id=00112233445566aa",
          "confirm:until=9999999999999999999:id=00112233445566aa", "confirm:until=1:id=0011223344556677aa",
          "confirm:until=1:id=00112233445566AA", "confirm:until=1:id=../../../etc/passw",
          "confirm:until=1:id=00112233445566aa:port=0",
          "confirm:until=1:id=00112233445566aa:port=65536"}) {
        CAPTURE(word);
        CHECK(!parse_pending(word));
    }
    // A later version may say more.
    CHECK(parse_pending("confirm:until=1:id=00112233445566aa:more=1"));
}

TEST_CASE("the record gives the previous rules, addresses and routes back as they were") {
    const auto ruleset = plan(everything(), Host{}).ruleset;
    PendingRecord record{.pending = example(),
                         .previous = Installed{Ownership{1, "0.0.9", digest(ruleset)}, ruleset, {}},
                         .surroundings = {}};
    for (const bool address : {false, true}) {
        for (const auto& routes :
             {std::vector<Cidr>{}, std::vector{Cidr::parse("240.0.0.0/8").value(),
                                               Cidr::parse("241.0.0.0/8").value(),
                                               Cidr::parse("240.0.0.0/4").value(),
                                               Cidr::parse("fd00:fd00::/64").value()}}) {
            record.surroundings = {address, routes};
            const Installed kernel{record_ownership(record), record_ruleset(record), {"dormant"}};
            CHECK(kernel.ruleset.table == previous_table);
            const auto read = read_record(kernel);
            REQUIRE(read);
            CHECK(read->pending == record.pending);
            CHECK(read->previous == record.previous);
            CHECK(read->surroundings == record.surroundings);
            CHECK(read->is_whole);
        }
    }
}

TEST_CASE("the record of a machine without rules gives nothing back") {
    PendingRecord record{.pending = example(), .previous = {}, .surroundings = {}, .is_whole = false};
    const auto read = read_record({record_ownership(record), record_ruleset(record), {}});
    REQUIRE(read);
    CHECK(!read->previous);
    CHECK(!read->is_whole);
    CHECK(read->surroundings == Surroundings{});
}

TEST_CASE("a table of somebody else of that name is no record") {
    CHECK(!read_record({}));
    CHECK(!read_record({{}, plan(everything(), Host{}).ruleset, {}}));
}

TEST_CASE("the session's port is spared where it would be captured, and nowhere else") {
    struct Row {
        std::string name;
        std::vector<conf::PortRange> excluded, included;
        std::vector<std::string> more;
    };
    const std::string rule = "inbound tcp dport 22 fib daddr type local return";
    for (const auto& row : {Row{"nothing said", {}, {}, {rule}},
                            Row{"another excluded", {{23, 100}}, {}, {rule}},
                            Row{"excluded", {{20, 25}}, {}, {}},
                            Row{"included", {}, {{22, 22}, {80, 80}}, {rule}},
                            Row{"another included", {}, {{80, 80}}, {}}}) {
        CAPTURE(row.name);
        auto config = everything();
        config.redirect.inbound.exclude_ports = row.excluded;
        config.redirect.inbound.include_ports = row.included;
        const auto planned = plan(config, Host{}).ruleset;
        const auto spared = with_spared_port(planned, 22);
        const auto more = lines_more(spared, planned);
        REQUIRE(more.size() == row.more.size());
        for (std::size_t i = 0; i < more.size(); ++i) {
            CHECK(more[i].find(row.more[i].substr(8)) != std::string::npos);
        }
        CHECK(without_spared_port(spared) == planned);
    }
}

TEST_CASE("clients behind an interface keep their way in as well") {
    auto config = everything();
    config.redirect.inbound.enabled = false;
    config.redirect.networks = {{"docker0", {Cidr::parse("172.17.0.0/16").value()}, {}}};
    const auto planned = plan(config, Host{}).ruleset;
    const auto spared = with_spared_port(planned, 22);
    CHECK(lines_more(spared, planned).size() == 1);
    CHECK(without_spared_port(spared) == planned);
}

TEST_CASE("only listening abstract sockets of that name are found") {
    const std::string table =
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 23456 @meshgate-redirect/confirm/a\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03 23457 @meshgate-redirect/confirm/b\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 23458 /run/@meshgate-redirect/c\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 23459\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 23460 @other\n";
    CHECK(abstract_names(table, "meshgate-redirect/confirm/") ==
          std::vector<std::string>{"meshgate-redirect/confirm/a"});
    CHECK(abstract_names("", "x").empty());
}
