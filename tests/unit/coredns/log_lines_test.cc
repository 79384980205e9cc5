#include "src/meshgate-dns/coredns/log_lines.h"

#include "dns/wire/text_name.h"

#include <arpa/inet.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;
using dns::server::LoggedQuery;

namespace {

LoggedQuery logged(std::span<const std::uint8_t> name) {
    LoggedQuery query;
    query.client.v4 = {};
    query.client.v4.sin_family = AF_INET;
    query.client.v4.sin_port = htons(40000);
    ::inet_pton(AF_INET, "127.0.0.1", &query.client.v4.sin_addr);
    query.took = std::chrono::microseconds{1234};
    query.id = 29008;
    query.query_bytes = 41;
    query.udp_payload_size = 4096;
    query.qtype = 1;
    query.qclass = 1;
    query.answer_flags = 0x8180;
    query.answer_records = 1;
    query.answer_bytes = 68;
    query.qname_bytes = static_cast<std::uint8_t>(name.size());
    std::copy(name.begin(), name.end(), query.qname_buffer.begin());
    return query;
}

LoggedQuery logged(std::string_view name) {
    return logged(dns::wire::to_wire(name));
}

coredns::LogPlan common() {
    const auto file = conf::corefile::parse(".:53 {\n log\n}", "Corefile");
    return coredns::make_plan(file).ports.at(0).log;
}

}  // namespace

TEST_CASE("a line as coredns writes it") {
    CHECK(coredns::to_log_line(logged("example.org"), *common().format) ==
          "[INFO] 127.0.0.1:40000 - 29008 \"A IN example.org. udp 41 false 4096\" NOERROR "
          "qr,rd,ra 68 0.001234000s\n");
}

TEST_CASE("a format of one's own, with what it does not have as a dash") {
    LoggedQuery query = logged("");
    query.client.v6 = {};
    query.client.v6.sin6_family = AF_INET6;
    query.client.v6.sin6_addr = in6addr_loopback;
    CHECK(coredns::to_log_line(query, "{remote} {name} {>opcode} {/meta} {open") ==
          "[INFO] [::1] . 0 - {open\n");
}

TEST_CASE("nothing in a name ends a line or a field") {
    const std::vector<std::uint8_t> name{7, 'a', '\n', '"', ' ', '}', 0x1b, 0xff, 0};
    CHECK(coredns::to_log_line(logged(name), "{name}") ==
          "[INFO] a\\010\\034\\032\\125\\027\\255.\n");
}

TEST_CASE("log writes the classes it has, errors what failed here, and not a flood of it") {
    coredns::LogPlan plan = common();
    plan.classes = static_cast<dns::server::ReplyClasses>(dns::server::ReplyClass::denial);
    plan.errors = true;
    LoggedQuery denied = logged("no.example");
    denied.rcode = dns::wire::Rcode::nxdomain;
    LoggedQuery failed = logged("www.example");
    failed.rcode = dns::wire::Rcode::servfail;
    LoggedQuery relayed = failed;
    relayed.source = dns::server::Source::upstream;
    const std::vector<LoggedQuery> queries{logged("yes.example"), denied, failed, relayed};
    const std::string lines = coredns::make_log_lines(plan)(queries);
    CHECK(lines.find("yes.example") == std::string::npos);
    CHECK(lines.find("\"A IN no.example. udp") != std::string::npos);
    CHECK(lines.ends_with("[ERROR] plugin/errors: 2 www.example. A: no upstream answered\n"));
    CHECK(std::count(lines.begin(), lines.end(), '\n') == 2);
    const std::vector<LoggedQuery> flood(100, failed);
    const std::string flooded = coredns::make_log_lines(plan)(flood);
    CHECK(std::count(flooded.begin(), flooded.end(), '\n') == 11);
    CHECK(flooded.ends_with("[ERROR] plugin/errors: 90 more\n"));
}

TEST_CASE("what has to be told of is what is written") {
    using dns::server::ReplyClass;
    coredns::LogPlan plan;
    CHECK(coredns::classes_for(plan) == 0);
    plan.errors = true;
    CHECK(coredns::classes_for(plan) == static_cast<dns::server::ReplyClasses>(ReplyClass::error));
    CHECK(coredns::classes_for(common()) == dns::server::every_reply);
}
