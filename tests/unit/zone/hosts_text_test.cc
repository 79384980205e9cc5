#include "dns/zone/hosts_text.h"

#include "dns/wire/text_name.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;

namespace {

/// "name=address" for each name in order, "~" before those that are not canonical.
std::string hosts_of(std::string_view text) {
    const auto read = dns::zone::read_hosts(text);
    std::string out;
    for (std::size_t i = 0; i < read.hosts.size(); ++i) {
        const auto host = read.hosts[i];
        out += (out.empty() ? "" : " ") + std::string{host.canonical ? "" : "~"} +
               dns::wire::to_text(host.name) + "=" + host.addresses[0].to_string();
    }
    return out;
}

}  // namespace

TEST_CASE("lines of a hosts file in all the forms that people write") {
    CHECK(hosts_of("192.0.2.1 db.mesh\n") == "db.mesh=192.0.2.1");
    CHECK(hosts_of("192.0.2.1\tDB.Mesh.  db # it\r\n\r\n# none\n 2001:db8::1 db.mesh") ==
          "db.mesh=192.0.2.1 ~db=192.0.2.1 db.mesh=2001:db8::1");
    CHECK(hosts_of("fe80::1%eth0 link.mesh") == "link.mesh=fe80::1");
    CHECK(hosts_of("192.0.2.1 *.apps.mesh a_b.mesh#c") ==
          "*.apps.mesh=192.0.2.1 ~a_b.mesh=192.0.2.1");
    CHECK(hosts_of("192.0.2.1").empty());
    CHECK(hosts_of("").empty());
}

TEST_CASE("what is no name and no address is passed over, and the first of it told") {
    const auto read = dns::zone::read_hosts("192.0.2.1 ok.mesh a..b -x\nnonsense line\n"
                                            "192.0.2.999 x.mesh\n192.0.2.1 a.*.mesh " +
                                            std::string(64, 'l') + ".mesh " +
                                            std::string(254, 'n') + " \xff.mesh . \"q\"\n");
    CHECK(read.hosts.size() == 2);  // "-x" is a name
    CHECK(read.passed_over == 9);
    REQUIRE(read.problems.size() == 5);
    CHECK(read.problems[0].line == 1);
    CHECK(read.problems[0].message == "'a..b' is no name: it is passed over");
    CHECK(read.problems[1].line == 2);
    CHECK(read.problems[1].message == "'nonsense' is no address: the line is passed over");
    CHECK(read.problems[3].line == 4);
}

TEST_CASE("the longest name is one, and one byte more is none") {
    const std::string label(63, 'l');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'l');
    CHECK(dns::zone::read_hosts("192.0.2.1 " + longest).hosts.size() == 1);
    CHECK(dns::zone::read_hosts("192.0.2.1 " + longest + "l").hosts.size() == 0);
}
