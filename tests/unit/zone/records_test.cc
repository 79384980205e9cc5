#include "conf/load.h"
#include "dns/records/records.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate;

namespace {

conf::Record record(const char* type, const char* value) {
    return {"db.mesh", type, value, std::nullopt, {"test.toml", 4, 1}};
}

}  // namespace

TEST_CASE("records are written in zone-file words") {
    struct Row {
        const char *type, *value, *text;
    };
    for (const Row& row : {Row{"A", "10.0.0.5", "10.0.0.5"}, Row{"aaaa", "fd00::1", "fd00::1"},
                           Row{"TXT", "\"a b\" c", "\"a b\" \"c\""},
                           Row{"SRV", "0 5 8080 web.mesh.", "0 5 8080 web.mesh."},
                           Row{"MX", "10 mail.mesh.", "10 mail.mesh."},
                           Row{"CAA", "0 issue \"ca.example\"", "0 issue \"ca.example\""},
                           Row{"TYPE65280", "\\# 2 beef", "\\# 2 beef"}}) {
        CAPTURE(row.type);
        const auto wire = dns::records::to_wire(record(row.type, row.value), 30);
        CHECK(wire.text == row.text);
        CHECK(wire.ttl == 30);
        CHECK_FALSE(wire.rdata.empty());
    }
}

TEST_CASE("a record that is none says where and why") {
    struct Row {
        const char *type, *value;
    };
    for (const Row& row :
         {Row{"A", "10.0.0"}, Row{"A", "10.0.0.5 extra"}, Row{"AAAA", "10.0.0.5"}, Row{"OPT", "1"},
          Row{"ANY", ""}, Row{"NONSENSE", "1"}, Row{"A", ""}, Row{"TXT", "a\nb IN A 1.1.1.1"}}) {
        CAPTURE(row.type);
        CAPTURE(row.value);
        try {
            dns::records::to_wire(record(row.type, row.value), 30);
            FAIL_CHECK("accepted");
        } catch (const conf::Error& error) {
            CHECK(std::string{error.what()}.starts_with("test.toml:4:1: record 'db.mesh': "));
        }
    }
}

TEST_CASE("what a value lacks is said in words") {
    struct Row {
        const char *type, *value, *message;
    };
    for (const Row& row : {
             Row{"A", "10.0.0", "'10.0.0' is not an IPv4 address"},
             Row{"AAAA", "10.0.0.5", "'10.0.0.5' is not an IPv6 address"},
             Row{"SOA", "a. b. 1 2 3 4 5",
                 "an SOA cannot be given: each domain of 'mesh.domains' has one already"},
             Row{"DNAME", "x.mesh.",
                 "a DNAME would rename every name below it, which is not done here: give each of "
                 "them a CNAME"},
             Row{"TXT", "v=DKIM1; k=rsa",
                 "';' has a meaning of its own in zone files: put \"quotes\" around the text, "
                 "within the quotes of TOML"},
         }) {
        CAPTURE(row.type);
        CHECK_THROWS_WITH_AS(
            dns::records::to_wire(record(row.type, row.value), 30),
            (std::string{"test.toml:4:1: record 'db.mesh': "} + row.message).c_str(), conf::Error);
    }
    CHECK(dns::records::to_wire(record("TXT", "\"v=DKIM1; k=rsa (a\\\")\""), 30).text ==
          "\"v=DKIM1; k=rsa (a\\\")\"");
}
