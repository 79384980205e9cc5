#include "ask.h"

#include "dns/records/records.h"
#include "dns/wire/text_name.h"
#include "dns/zone/build.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using test::in_words;

namespace {

using dns::zone::Source;

Source kuma(const std::vector<std::pair<std::string, std::vector<std::string>>>& hosts) {
    dns::zone::HostList list;
    for (const auto& [name, texts] : hosts) {
        std::vector<conf::IpAddress> addresses;
        for (const auto& text : texts) addresses.push_back(*conf::IpAddress::parse(text));
        list.add(dns::wire::to_wire(name), addresses);
    }
    return {"kuma", 7, true, true, std::make_shared<const dns::zone::HostList>(std::move(list))};
}

dns::zone::Contents contents() {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    contents.services = {{"own", conf::IpAddress::parse("240.0.0.9"), {}, {}}};
    contents.records = {dns::records::to_wire({"txt.mesh", "TXT", "here", {}, {}}, 30),
                        dns::records::to_wire({"alias.mesh", "CNAME", "web.mesh.", {}, {}}, 30)};
    return contents;
}

const std::string soa = " |  | mesh. 30 IN SOA mesh. nobody.invalid. 1 3600 1200 604800 30";

}  // namespace

TEST_CASE("names of a source are answered as those of the configuration") {
    const auto table =
        dns::zone::build(contents(), {{kuma({{"web.mesh", {"240.0.0.1", "::ffff:240.0.0.1"}},
                                             {"a.b.mesh", {"240.0.0.2"}},
                                             {"none.mesh", {}},
                                             {"pay.example.com", {"240.0.0.3"}},
                                             {"*.wild.mesh", {"240.0.0.4"}}})}});
    CHECK(table->names() == 7);
    CHECK(in_words(*table, {"WEB.mesh"}) == "NOERROR aa rd ra | WEB.mesh. 7 IN A 240.0.0.1");
    CHECK(in_words(*table, {"web.mesh", 28}).ends_with("7 IN AAAA ::ffff:240.0.0.1"));
    CHECK(in_words(*table, {"web.mesh", 65}) == "NOERROR aa rd ra" + soa);
    CHECK(in_words(*table, {"none.mesh"}) == "NOERROR aa rd ra" + soa);
    CHECK(in_words(*table, {"b.mesh"}) == "NOERROR aa rd ra" + soa);  // a.b.mesh lies below it
    CHECK(in_words(*table, {"no.mesh"}).starts_with("NXDOMAIN"));
    CHECK(in_words(*table, {"pay.example.com"}).ends_with("7 IN A 240.0.0.3"));
    CHECK(in_words(*table, {"example.com"}) == "forward");
    CHECK(in_words(*table, {"x.wild.mesh"}).ends_with("x.wild.mesh. 7 IN A 240.0.0.4"));
    CHECK(in_words(*table, {"alias.mesh"}).ends_with("web.mesh. 7 IN A 240.0.0.1"));
}

TEST_CASE("an address of a source has the first name that has it") {
    const auto table =
        dns::zone::build(contents(), {{kuma({{"web.mesh", {"240.0.0.1", "::ffff:240.0.0.1"}},
                                             {"web.svc.mesh", {"240.0.0.1"}},
                                             {"mine.mesh", {"240.0.0.9"}}})}});
    CHECK(in_words(*table, {"1.0.0.240.in-addr.arpa", 12}).ends_with("PTR web.mesh."));
    CHECK(in_words(*table, {"9.0.0.240.in-addr.arpa", 12}).ends_with("PTR own.mesh."));
    const std::string zeros = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa";
    CHECK(in_words(*table, {"1.0.0.0.0.0.0.f.f.f.f.f." + zeros, 12}).ends_with("PTR web.mesh."));
}

TEST_CASE("what the configuration says of a name stands against all that a source says") {
    const auto table = dns::zone::build(
        contents(), {{kuma({{"own.mesh", {"240.1.1.1", "::ffff:240.1.1.1"}},
                            {"txt.mesh", {"240.1.1.2"}},
                            {"alias.mesh", {"240.1.1.3"}}}),
                      kuma({{"two.mesh", {"240.2.0.1"}}}), kuma({{"two.mesh", {"240.2.0.2"}}})}});
    CHECK(in_words(*table, {"own.mesh"}).ends_with("| own.mesh. 30 IN A 240.0.0.9"));
    CHECK(in_words(*table, {"own.mesh", 28}) == "NOERROR aa rd ra" + soa);
    CHECK(in_words(*table, {"txt.mesh"}) == "NOERROR aa rd ra" + soa);
    CHECK(in_words(*table, {"alias.mesh"}).find("240.1.1.3") == std::string::npos);
    CHECK(in_words(*table, {"two.mesh"}).ends_with("| two.mesh. 7 IN A 240.2.0.1"));
}

TEST_CASE("a family that is not captured is not resolved, its names are") {
    Source source = kuma({{"web.mesh", {"240.0.0.1", "fd00::1"}}});
    source.ipv6 = false;
    const auto ipv4 = dns::zone::build(contents(), {{source}});
    CHECK(in_words(*ipv4, {"web.mesh"}).ends_with("A 240.0.0.1"));
    CHECK(in_words(*ipv4, {"web.mesh", 28}) == "NOERROR aa rd ra" + soa);
    source.ipv4 = false;
    CHECK(in_words(*dns::zone::build(contents(), {{source}}), {"web.mesh"}) ==
          "NOERROR aa rd ra" + soa);
}

TEST_CASE("a table says whether names may still come") {
    CHECK(dns::zone::build(contents())->is_complete());
    CHECK_FALSE(dns::zone::build(contents(), {{}, false})->is_complete());
}

TEST_CASE("the list says from where a name is") {
    std::string text;
    const dns::zone::Sources sources{{kuma({{"web.mesh", {"240.0.0.1", "fd00::1"}},
                                            {"own.mesh", {"240.1.1.1"}},
                                            {"txt.mesh", {"240.1.1.1"}}})}};
    for (const auto& row : dns::zone::list(contents(), sources)) {
        if (row.source == "kuma") text += row.name + ' ' + row.type + ' ' + row.value + '\n';
    }
    CHECK(text == "web.mesh A 240.0.0.1\nweb.mesh AAAA fd00::1\n");
}

TEST_CASE("a host can be given other addresses, in its place") {
    dns::zone::HostList list;
    const std::vector one{*conf::IpAddress::parse("240.0.0.1")};
    const std::vector two{*conf::IpAddress::parse("240.0.0.2"), *conf::IpAddress::parse("::1")};
    list.add(dns::wire::to_wire("a"), one);
    list.add(dns::wire::to_wire("b"), one);
    list.replace(0, two);
    CHECK(list.size() == 2);
    CHECK(dns::wire::to_text(list[0].name) == "a");
    CHECK(list[0].addresses.size() == 2);
    CHECK(list[1].addresses[0] == one[0]);
    CHECK_THROWS_AS(list.add(dns::wire::to_wire("c"), std::vector<conf::IpAddress>(65536)),
                    std::length_error);
}
