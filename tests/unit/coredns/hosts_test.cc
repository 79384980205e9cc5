#include "src/meshgate-dns/coredns/hosts.h"

#include "dns/wire/bytes.h"
#include "dns/wire/text_name.h"
#include "tests/unit/meshgate-dns/temporary_folder.h"

#include <array>
#include <fstream>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;
using conf::corefile::Hosts;

namespace {

/// The number of answers to a question; -1: it is left to others.
int answers(const dns::zone::Table& table, const std::string& name, std::uint16_t type) {
    std::vector<std::uint8_t> message{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    const auto wire = dns::wire::to_wire(name);
    message.insert(message.end(), wire.begin(), wire.end());
    message.insert(message.end(), {static_cast<std::uint8_t>(type >> 8U),
                                   static_cast<std::uint8_t>(type & 255U), 0, 1});
    dns::wire::Question question;
    REQUIRE(parse_question(message, question) == dns::wire::Parsed::question);
    std::array<std::uint8_t, 4096> out{};
    const std::size_t bytes = table.answer(question, out.size(), out);
    return bytes == 0 ? -1 : dns::wire::read16(out, 6);
}

Hosts in_zones(const std::string& file, std::vector<std::string> zones) {
    Hosts hosts;
    hosts.file = file;
    hosts.zones = std::move(zones);
    return hosts;
}

}  // namespace

TEST_CASE("names and addresses of a hosts file, and back, within the zones") {
    TemporaryFolder folder;
    const std::string file = folder / "hosts";
    std::ofstream{file} << "# comment\n192.0.2.1\tdb.corp.example  DB2.corp.example. # both\r\n"
                           "2001:db8::1 db.corp.example\nfe80::1%eth0 link.corp.example\n"
                           "192.0.2.1 www.example\n192.0.2.999 bad.corp.example\n\n"
                           "192.0.2.7\n192.0.2.8 a..b";
    const auto names =
        coredns::read_host_names({in_zones(file, {"corp.example", "in-addr.arpa", "ip6.arpa"})});
    CHECK(names.warnings.empty());
    const auto& table = *names.table;
    CHECK(answers(table, "db.corp.example", 1) == 1);
    CHECK(answers(table, "db.corp.example", 28) == 1);
    CHECK(answers(table, "db.corp.example", 16) == 0);
    CHECK(answers(table, "db2.CORP.example", 1) == 1);
    CHECK(answers(table, "link.corp.example", 28) == 1);
    CHECK(answers(table, "1.2.0.192.in-addr.arpa", 12) == 1);
    CHECK(answers(table, "www.example", 1) == -1);
    CHECK(answers(table, "bad.corp.example", 1) == -1);
    CHECK(answers(table, "other.corp.example", 1) == -1);
}

TEST_CASE("no_reverse leaves PTR to others, lines in the block need no file") {
    Hosts hosts = in_zones("/nonexistent/hosts", {""});
    hosts.reverse = false;
    hosts.inlined = {"192.0.2.1 db.corp.example"};
    const auto names = coredns::read_host_names({hosts});
    REQUIRE(names.warnings.size() == 1);
    CHECK(names.warnings[0].find("/nonexistent/hosts") != std::string::npos);
    CHECK(answers(*names.table, "db.corp.example", 1) == 1);
    CHECK(answers(*names.table, "1.2.0.192.in-addr.arpa", 12) == -1);
}

TEST_CASE("without a directive the table has nothing and owns nothing") {
    const auto names = coredns::read_host_names({});
    REQUIRE(names.table);
    CHECK(names.table->names() == 0);
    CHECK(answers(*names.table, "localhost", 1) == -1);
}
