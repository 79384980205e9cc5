#include "conf/corefile/corefile.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate::conf;

namespace {

/// What is wrong with a directive.
std::string error_of(const std::string& directive) {
    try {
        corefile::parse(".:53 {\n" + directive + "\n}\n", "Corefile");
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("a directive that is not read says what to write instead") {
    const std::pair<const char*, const char*> table[] = {
        {"kubernetes cluster.local", "[[service]]"},
        {"file /etc/zone example.org", "[[record]]"},
        {"rewrite name a b", "[[record]]"},
        {"acl {\n allow net 10.0.0.0/8\n}", "dns.allow"},
        {"dnstap /tmp/dnstap.sock", "dns.query_log"},
        {"view x {\n expr true\n}", "[[dns.forward]]"},
        {"autopath /etc/resolv.conf", "dns.search"},
        {"tls cert key", "dns.listen"},
        {"loop", "leave it out"},
    };
    for (const auto& [directive, key] : table) {
        CAPTURE(directive);
        const std::string error = error_of(directive);
        CHECK(error.starts_with("Corefile:2:1: "));
        CHECK(error.find(key) != std::string::npos);
    }
}

TEST_CASE("a slip of the pen is told with the word that was meant") {
    CHECK(error_of("forwrad . 192.0.2.1") ==
          "Corefile:2:1: unknown directive 'forwrad', did you mean 'forward'?");
    CHECK(error_of("forward . 192.0.2.1 {\n polcy random\n}") ==
          "Corefile:3:2: 'forward' has no option 'polcy', did you mean 'policy'?");
}

TEST_CASE("values that are wrong are told, all of them") {
    const std::string error = error_of("forward . tls://192.0.2.1 a..b {\n policy best\n}\n"
                                       "alternate NXDOMIAN . 192.0.2.1\ncache 0\nhealth nowhere\n"
                                       "template IN A . {\n rcode NOPE\n}");
    for (const char* part :
         {"2:11: ", "2:27: ", "3:9: ", "'NXDOMIAN' is no return code", "a TTL of 0 keeps nothing",
          "'nowhere' is no ADDRESS:PORT", "'NOPE' is no return code"}) {
        CAPTURE(part);
        CHECK(error.find(part) != std::string::npos);
    }
}

TEST_CASE("options that would change answers are refused, those that only tune are not") {
    CHECK(error_of("forward . 192.0.2.1 {\n force_tcp\n}") ==
          "Corefile:3:2: 'force_tcp' of 'forward': UDP comes first, TCP where a reply was cut; "
          "leave it out");
    CHECK(error_of("forward . 192.0.2.1 {\n max_fails 3\n failover SERVFAIL REFUSED\n}").empty());
    CHECK(error_of("forward . 192.0.2.1 {\n failover NXDOMAIN\n}").find("'alternate'") !=
          std::string::npos);
    CHECK(error_of("template IN A . {\n answer \"a A 1.2.3.4\"\n rcode NOERROR\n}")
              .find("[[record]]") != std::string::npos);
    CHECK(error_of("template IN A . {\n match ^ads\n rcode NXDOMAIN\n}").find("name the zones") !=
          std::string::npos);
    CHECK(error_of("template IN A . {\n match .*\n rcode NXDOMAIN\n}").empty());
    CHECK(error_of("template IN A").find("has no 'rcode'") != std::string::npos);
}

TEST_CASE("there is one file of servers") {
    CHECK(error_of("forward . /etc/resolv.conf\nalternate NXDOMAIN . /etc/resolv.conf").empty());
    CHECK(error_of("forward . /etc/resolv.conf\nalternate NXDOMAIN . /etc/other")
              .starts_with("Corefile:3:22: "));
}

TEST_CASE("sixteen servers are one too many") {
    std::string line = "forward .";
    for (int i = 1; i <= 15; ++i) line += " 192.0.2." + std::to_string(i);
    CHECK(error_of(line).empty());
    CHECK_FALSE(error_of(line + " 192.0.2.16").empty());
}
