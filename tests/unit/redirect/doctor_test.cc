#include "doctor_facts.h"

#include "src/meshgate-redirect/doctor/report.h"

#include <doctest/doctest.h>

#include <functional>
#include <ostream>
#include <set>

using namespace meshgate;
using namespace meshgate::redirect;
using namespace meshgate::redirect::test;
using Strings = std::vector<std::string>;

namespace {

/// What somebody did to the healthy machine, and what is found then.
struct SpoiltMachine {
    const char* what;
    std::function<void(Facts&)> spoil;
    Strings found;
};

void check_cases(const std::vector<SpoiltMachine>& cases) {
    for (const auto& one : cases) {
        CAPTURE(std::string{one.what});
        Facts facts = healthy();
        one.spoil(facts);
        CHECK(codes(facts) == one.found);
    }
}

netfilter::SeenChain nat_chain(netfilter::Hook hook, int priority, bool translates = true) {
    return {"ip", "nat", "OUTPUT", "nat", hook, priority, translates, false};
}

void forget_rules(Facts& facts) {
    facts.rules = {};
    facts.summary = {};
}

template <class Change>
void replan(Facts& facts, Change change) {
    change(facts.config);
    facts.rules = netfilter::plan(facts.config, facts.host).ruleset;
    facts.summary = summarize(facts.rules);
}

}  // namespace

TEST_CASE("nothing is found on a healthy machine") {
    CHECK(codes(healthy()) == Strings{});
    CHECK(to_text(DoctorReport{}) == "nothing is wrong\n");
}

namespace {

/// Two endpoints, of which so many are in use.
netfilter::VipService vip_service(std::string name, const char* address, std::size_t endpoints) {
    netfilter::VipService service{.name = std::move(name),
                                  .address4 = ip_of(address),
                                  .address6 = {},
                                  .ports = {80},
                                  .protocols = {conf::Protocol::tcp},
                                  .balance = conf::Balance::random,
                                  .endpoints = {},
                                  .has_named_endpoints = false,
                                  .where = {}};
    for (std::size_t i = 0; i < endpoints; ++i) {
        service.endpoints.push_back({ip_of("192.0.2.10"), static_cast<conf::Port>(8080 + i), 1});
    }
    return service;
}

void give_vips(Facts& facts, std::vector<netfilter::VipService> services) {
    facts.host.vips = std::move(services);
    replan(facts, [](conf::Config&) {});
}

void take_out(Facts& facts, std::size_t service, const std::vector<bool>& alive) {
    netfilter::MapFiller filler{facts.rules};
    for (const auto& route : routes_of(facts.host.vips, {conf::Family::ipv4})) {
        filler.add(route, route.service == service ? elements_of(route, alive) : elements_of(route));
    }
    filler.sort();
}

}  // namespace

TEST_CASE("virtual addresses of the kernel") {
    const auto two = [](Facts& facts) {
        give_vips(facts, {vip_service("a", "240.0.0.1", 2), vip_service("b", "240.0.0.2", 2)});
    };
    check_cases({
        {"all alive", two, {}},
        {"one of two is out",
         [&](Facts& f) { two(f), take_out(f, 1, {false, true}); },
         {"MG405 warning"}},
        {"all of one are out",
         [&](Facts& f) { two(f), take_out(f, 1, {false, false}); },
         {"MG404 error"}},
        {"a service has none",
         [](Facts& f) { give_vips(f, {vip_service("a", "240.0.0.1", 0)}); },
         {"MG404 error"}},
    });
    Facts facts = healthy();
    two(facts);
    take_out(facts, 1, {true, false});
    CHECK(details(facts, "MG405") ==
          Strings{"service 'b', tcp 240.0.0.2:80: 192.0.2.10:8081"});
    take_out(facts, 0, {false, false});
    CHECK(details(facts, "MG404") ==
          Strings{"service 'a', tcp 240.0.0.1:80: all 2 are taken out"});
    std::vector<netfilter::VipService> many;
    for (int i = 0; i < 30; ++i) {
        many.push_back(vip_service("s", ("240.0.1." + std::to_string(i)).c_str(), 0));
    }
    give_vips(facts, many);
    const auto lines = details(facts, "MG404");
    REQUIRE(lines.size() == 21);
    CHECK(lines.back() == "and 10 more");
}

TEST_CASE("our own rules") {
    check_cases({
        {"not installed", [](Facts& f) { f.is_installed = false; }, {"MG101 notice"}},
        {"changed", [](Facts& f) { f.was_changed = true; }, {"MG102 error"}},
        {"another plan", [](Facts& f) { f.differs_from_plan = true; }, {"MG103 warning"}},
        {"foreign",
         [](Facts& f) { f.has_foreign_table = f.was_changed = true; },
         {"MG104 error"}},
        {"no fib", [](Facts& f) { f.lacking = {"no fib"}; }, {"MG105 error"}},
        {"no zones", [](Facts& f) { f.lacks_zones = true; }, {"MG106 warning"}},
        {"both engines", [](Facts& f) { f.misplacements = {"both"}; }, {"MG107 error"}},
        {"no ::6", [](Facts& f) { f.missing_beside = {"address"}; }, {"MG108 error"}},
        {"draining",
         [](Facts& f) {
             f.draining = "until";
             f.was_changed = true;
         },
         {"MG109 notice"}},
        {"assumptions", [](Facts& f) { f.assumptions = {"one"}; }, {"MG110 notice"}},
        {"unseen", [](Facts& f) { f.sees_rules = f.is_installed = false; }, {}},
    });
}

TEST_CASE("the guard") {
    const auto guarded = [](Facts& f) {
        f.guard.is_wanted = true;
        f.guard.wanted_by = "[guard]";
        f.guard.pid = 4711;
        f.is_held = true;
    };
    check_cases({
        {"wanted", [](Facts& f) { f.guard.is_wanted = true; }, {"MG111 warning"}},
        {"runs", guarded, {"MG112 notice"}},
        {"runs though nobody said so", [](Facts& f) { f.guard.pid = 1; }, {"MG112 notice"}},
        {"of another configuration",
         [&](Facts& f) {
             guarded(f);
             f.differs_from_plan = true;
         },
         {"MG103 warning", "MG113 warning", "MG112 notice"}},
        {"while an uninstall waits",
         [&](Facts& f) {
             guarded(f);
             f.differs_from_plan = true;
             f.draining = "until";
         },
         {"MG109 notice", "MG112 notice"}},
        {"in a fight",
         [&](Facts& f) {
             guarded(f);
             f.guard.is_fight = true;
             f.guard.complaints = {"again and again"};
         },
         {"MG114 error", "MG112 notice"}},
        {"in trouble",
         [&](Facts& f) {
             guarded(f);
             f.guard.complaints = {"no memory"};
         },
         {"MG115 error", "MG112 notice"}},
    });
    Facts facts = healthy();
    guarded(facts);
    facts.guard.command_line = "meshgate-redirect guard";
    CHECK(details(facts, "MG112") == Strings{"process 4711: meshgate-redirect guard",
                                             "nobody else can change the rules"});
    facts.is_held = false;
    CHECK(details(facts, "MG112")[1] == "others can change the rules; it repairs what they do");
    facts.guard.is_fight = true;
    facts.guard.repairs = {{"cron", "1"}, {"nft", "7"}};
    CHECK(details(facts, "MG114") == Strings{"cron: its damage was repaired 1 time",
                                             "nft: its damage was repaired 7 times"});
}

TEST_CASE("rules of others") {
    using netfilter::Hook;
    check_cases({
        {"Docker after ours", [](Facts& f) { f.chains = {nat_chain(Hook::output, -100)}; }, {}},
        {"at our priority",
         [](Facts& f) { f.chains = {nat_chain(Hook::output, -105)}; },
         {"MG201 warning"}},
        {"before, and harmless",
         [](Facts& f) { f.chains = {nat_chain(Hook::output, -150, false)}; },
         {}},
        {"before inbound, as it is meant",
         [](Facts& f) { f.chains = {nat_chain(Hook::prerouting, -100)}; },
         {}},
        {"both back ends",
         [](Facts& f) { f.nft_iptables_rules = f.legacy_iptables_rules = true; },
         {"MG202 warning"}},
        {"one back end", [](Facts& f) { f.legacy_iptables_rules = true; }, {}},
        {"Kuma", [](Facts& f) { f.other_meshes = "Kuma"; }, {"MG203 error"}},
        {"direct.xml", [](Facts& f) { f.direct_xml_of_others = true; }, {"MG204 warning"}},
        {"a backup", [](Facts& f) { f.kuma_leftovers = {"a copy"}; }, {"MG205 notice"}},
        {"RFC3964_IPv4", [](Facts& f) { f.firewalld_rejects = true; }, {"MG206 error"}},
    });
}

TEST_CASE("conntrack") {
    check_cases({
        {"roomy", [](Facts& f) { f.conntrack = {799, 1000, 0, 0, 0}; }, {}},
        {"filling", [](Facts& f) { f.conntrack = {800, 1000, 0, 0, 0}; }, {"MG301 warning"}},
        {"full", [](Facts& f) { f.conntrack = {1000, 1000, 0, 0, 0}; }, {"MG301 error"}},
        {"no limit known", [](Facts& f) { f.conntrack = {1000, 0, 0, 0, 0}; }, {}},
        {"clashes", [](Facts& f) { f.conntrack = {0, 1000, 1, 0, 0}; }, {"MG302 warning"}},
        {"drops", [](Facts& f) { f.conntrack = {0, 1000, 0, 1, 0}; }, {"MG303 error"}},
        {"early drops", [](Facts& f) { f.conntrack = {0, 1000, 0, 0, 1}; }, {"MG303 error"}},
    });
    Facts facts = healthy();
    facts.conntrack = {900, 1000, 0, 0, 0};
    CHECK(details(facts, "MG301") == Strings{"900 of 1000 (90%)"});
}

TEST_CASE("listeners") {
    check_cases({
        {"no proxy",
         [](Facts& f) { std::erase_if(f.waiting.tcp, [](auto& s) { return s.port == 15001; }); },
         {"MG401 error"}},
        {"IPv4 only",
         [](Facts& f) { f.waiting.udp = {f.waiting.udp[0]}; },
         {"MG402 error"}},
        {"IPv4 only, and IPv6 is off",
         [](Facts& f) {
             f.waiting.udp = {f.waiting.udp[0]};
             f.has_ipv6 = false;
         },
         {"MG601 notice"}},
        {"inbound on loopback",
         [](Facts& f) { f.waiting.tcp[1].address = ip_of("127.0.0.1"); },
         {"MG402 error"}},
        {"inbound at each address, but not at the link's",
         [](Facts& f) {
             f.waiting.tcp[1].address = ip_of("192.0.2.1");
             f.waiting.tcp.push_back(f.waiting.tcp[1]);
             f.waiting.tcp.back().address = ip_of("2001:db8::1");
             f.addresses.push_back({"eth0", ip_of("fe80::1")});
         },
         {}},
        {"a network that is not there",
         [](Facts& f) {
             f.config.redirect.networks = {{"docker0", {*conf::Cidr::parse("172.17.0.0/16")}, {}}};
         },
         {"MG403 error", "MG604 warning"}},
        {"unseen", [](Facts& f) { f.sees_sockets = false; f.waiting = {}; }, {}},
        {"nothing captured", [](Facts& f) { forget_rules(f); f.waiting = {}; }, {}},
    });
    Facts facts = healthy();
    facts.waiting.tcp[1].takes_ipv4 = false;
    facts.settings["net/ipv6/bindv6only"] = "1";
    CHECK(details(facts, "MG402") ==
          Strings{"TCP port 15006 (inbound): not at 192.0.2.1; net.ipv6.bindv6only is 1: [::] does "
                  "not take IPv4"});
}

TEST_CASE("users") {
    check_cases({
        {"no such user", [](Facts& f) { f.proxy_user_exists = false; }, {"MG501 warning"}},
        {"root is exempt",
         [](Facts& f) { f.host.exempt_users = {{0, 0}}; },
         {"MG502 warning"}},
        {"an application as the proxy", [](Facts& f) { f.processes[5].uid = 5678; },
         {"MG503 warning"}},
        {"another program beside kuma-dp, not of its own",
         [](Facts& f) {
             f.processes.push_back({90, 1, "app", 5678, {300}});
             f.tcp.push_back(open_socket(1, 5678, 300));
         },
         {"MG503 warning"}},
        {"a child of the proxy",
         [](Facts& f) {
             f.processes.push_back({90, 51, "helper", 5678, {300}});
             f.tcp.push_back(open_socket(1, 5678, 300));
         },
         {}},
        {"opened as root, then setuid",
         [](Facts& f) { f.udp[1].uid = 0; },
         {"MG504 error"}},
        {"the same, from the number of a TCP port that it serves",
         [](Facts& f) { f.udp[1] = open_socket(15053, 0, 202); },
         {"MG504 error"}},
        {"the same, but a group may exempt it",
         [](Facts& f) {
             f.udp[1].uid = 0;
             f.host.exempt_groups = {{1337, 1337}};
         },
         {"MG504 warning"}},
        {"a proxy of another user, but a mark may exempt it",
         [](Facts& f) {
             f.processes[2].uid = 0;
             f.config.proxy.exempt_marks = {{0x539, conf::whole_mark}};
         },
         {"MG505 warning"}},
        {"a connection that it accepted",
         [](Facts& f) {
             f.tcp.push_back(open_socket(15001, 0, 201));
         },
         {}},
        {"a proxy of another user", [](Facts& f) { f.processes[2].uid = 0; }, {"MG505 error"}},
        {"a resolver of an exempt user",
         [](Facts& f) {
             f.processes[3].uid = f.udp[1].uid.emplace(999);
             f.host.exempt_users = {{999, 999}};
         },
         {}},
        {"a resolver of a user that is spared its DNS",
         [](Facts& f) {
             f.processes[3].uid = f.udp[1].uid.emplace(999);
             f.host.local_resolvers = {{ip_of("127.0.0.53"), "x", {999}}};
         },
         {}},
    });
    Facts facts = healthy();
    facts.udp[1].uid = 0;
    CHECK(details(facts, "MG504") ==
          Strings{"meshgate-dns (process 60, user 5678) has UDP sockets of user 0"});
}

TEST_CASE("settings of the kernel") {
    const auto network = [](Facts& f) {
        f.config.redirect.networks = {{"eth0", {*conf::Cidr::parse("192.0.2.0/24")}, {}}};
        f.waiting.udp[0].address = f.waiting.tcp[2].address = ip_of("::");
        f.settings["net/ipv4/ip_forward"] = "1";
    };
    check_cases({
        {"IPv6 is off", [](Facts& f) { f.has_ipv6 = false; }, {"MG601 notice"}},
        {"route_localnet",
         [](Facts& f) { f.settings["net/ipv4/conf/eth0/route_localnet"] = "1"; },
         {"MG602 warning"}},
        {"clients, forwarded", network, {}},
        {"clients, not forwarded",
         [&](Facts& f) {
             network(f);
             f.settings["net/ipv4/ip_forward"] = "0";
         },
         {"MG604 warning"}},
        {"clients by another way, strict",
         [&](Facts& f) {
             network(f);
             f.client_routes["eth0"] = {"eth0: by eth1"};
             f.settings["net/ipv4/conf/all/rp_filter"] = "1";
             f.settings["net/ipv4/conf/eth0/rp_filter"] = "0";
         },
         {"MG603 error"}},
        {"clients by another way, loose",
         [&](Facts& f) {
             network(f);
             f.client_routes["eth0"] = {"eth0: by eth1"};
             f.settings["net/ipv4/conf/all/rp_filter"] = "1";
             f.settings["net/ipv4/conf/eth0/rp_filter"] = "2";
         },
         {}},
        {"a log in a container",
         [](Facts& f) {
             f.config.redirect.log_prefix = "mesh";
             f.logs_here = false;
         },
         {"MG605 notice"}},
        {"lo is down", [](Facts& f) { f.loopback_is_up = false; }, {"MG606 error"}},
    });
}

TEST_CASE("lock-outs") {
    const auto captured = [](Facts& f) {
        replan(f, [](conf::Config& config) { config.redirect.inbound.exclude_ports.clear(); });
    };
    check_cases({
        {"SSH is captured", captured, {"MG701 warning"}},
        {"SSH is captured, and no proxy",
         [&](Facts& f) {
             captured(f);
             std::erase_if(f.waiting.tcp, [](auto& s) { return s.port == 15006; });
         },
         {"MG401 error", "MG701 error"}},
        {"SSH elsewhere", [](Facts& f) { f.waiting.tcp[4].port = 2222; }, {"MG701 warning"}},
        {"SSH on loopback only",
         [](Facts& f) {
             f.waiting.tcp[4].port = 2222;
             f.waiting.tcp[4].address = ip_of("127.0.0.1");
         },
         {}},
        {"logged in over another port",
         [](Facts& f) { f.ssh = {ip_of("203.0.113.5"), ip_of("192.0.2.1"), 80}; },
         {"MG701 warning"}},
        {"logged in from where nothing is captured",
         [](Facts& f) {
             f.ssh = {ip_of("203.0.113.5"), ip_of("192.0.2.1"), 80};
             replan(f, [](conf::Config& config) {
                 config.redirect.ip_family = conf::IpFamilyMode::ipv4;
                 config.redirect.inbound.exclude_sources = {*conf::Cidr::parse("203.0.113.0/24")};
             });
         },
         {}},
    });
}

TEST_CASE("the catalogue has every code once, in order, and says what to do") {
    std::string_view before;
    for (const auto& entry : catalogue()) {
        CAPTURE(std::string{entry.code});
        CHECK(before < entry.code);
        before = entry.code;
        CHECK(entry.code.size() == 5);
        CHECK_FALSE(entry.title.empty());
        CHECK_FALSE(entry.meaning.empty());
        CHECK_FALSE(entry.action.empty());
    }
    CHECK_THROWS_AS(finding("MG999", {}), std::out_of_range);
}

TEST_CASE("a report for people and for programs") {
    Facts facts = healthy();
    facts.has_ipv6 = false;
    std::erase_if(facts.waiting.tcp, [](auto& s) { return s.port == 15001; });
    const DoctorReport report{check_all(facts), {"the rules\x1b: root"}, std::nullopt};
    CHECK(report.has_errors());
    CHECK(to_text(report) ==
          "error MG401: nobody listens where captured traffic goes\n"
          "    TCP port 15001 (outbound)\n"
          "  meaning: all of it is refused, also what uses no mesh\n"
          "  to do:   start the proxy or meshgate-dns, or uninstall until it can run\n"
          "notice MG601: IPv6 is off\n"
          "  meaning: its rules are loaded for when it comes back; nothing is captured or leaves "
          "meanwhile\n"
          "  to do:   nothing, or net.ipv6.conf.all.disable_ipv6=0\n"
          "not looked at: the rules\\x1b: root\n"
          "1 error, 0 warnings, 1 notice\n");
    const auto json = to_json(report);
    CHECK(json.starts_with("{\"schema\":\"meshgate-redirect.doctor/1\",\"findings\":[{\"code\":"
                           "\"MG401\",\"severity\":\"error\","));
    CHECK(json.ends_with("\"not_looked_at\":[\"the rules\\u001b: root\"]}\n"));
}
