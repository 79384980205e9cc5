#include "src/meshgate-dns/query_line.h"

#include "dns/wire/text_name.h"
#include "tests/unit/server/peers.h"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;
using namespace meshgate::dnsd;
using dns::server::LoggedQuery;

namespace {

LoggedQuery logged(const std::string& client, std::vector<std::uint8_t> qname) {
    LoggedQuery query;
    query.time = std::chrono::system_clock::time_point{std::chrono::microseconds{1769860800000001}};
    query.took = std::chrono::nanoseconds{12345};
    query.client = test::peer(client);
    query.source = dns::server::Source::cache;
    query.qtype = 1;
    query.qclass = 1;
    query.answer_bytes = 45;
    query.qname_bytes = static_cast<std::uint8_t>(qname.size());
    std::copy(qname.begin(), qname.end(), query.qname_buffer.begin());
    return query;
}

std::vector<std::uint8_t> label(std::string_view text) {
    std::vector<std::uint8_t> out{static_cast<std::uint8_t>(text.size())};
    out.insert(out.end(), text.begin(), text.end());
    out.push_back(0);
    return out;
}

}  // namespace

TEST_CASE("a query is a line of JSON") {
    auto query = logged("127.0.0.1", dns::wire::to_wire("www.example"));
    query.client.v4.sin_port = htons(40000);
    CHECK(to_json_line(query) ==
          R"({"time":"2026-01-31T12:00:00.000001Z","client":"127.0.0.1","port":40000,)"
          R"("proto":"udp","name":"www.example","type":"A","class":"IN","rcode":"NOERROR",)"
          R"("source":"cache","bytes":45,"microseconds":12})"
          "\n");
}

TEST_CASE("types, classes and codes without a word have a number") {
    auto query = logged("2001:db8::7", dns::wire::to_wire("."));
    query.qtype = 65280;
    query.qclass = 255;
    query.proto = dns::server::Proto::tcp;
    query.rcode = dns::wire::Rcode::badvers;
    const std::string line = to_json_line(query);
    for (const char* word :
         {R"("client":"2001:db8::7")", R"("proto":"tcp")", R"("name":".")", R"("type":"TYPE65280")",
          R"("class":"CLASS255")", R"("rcode":"BADVERS")"}) {
        CAPTURE(word);
        CHECK(line.find(word) != line.npos);
    }
}

TEST_CASE("a query without a name has none") {
    const std::string line = to_json_line(logged("127.0.0.1", {}));
    CHECK(line.find(R"("name":null,"rcode")") != line.npos);
    const std::string entry = to_journal_entry(logged("127.0.0.1", {}));
    CHECK(entry.starts_with("MESSAGE=127.0.0.1 no question NOERROR cache 12 us\n"));
    CHECK(entry.find("MESHGATE_NAME") == entry.npos);
}

TEST_CASE("no byte of a name ends a string, a line or a field") {
    std::string hostile = "\"\\\n\r\t{}=,\x7f\x80\xff";
    hostile += '\0';
    const auto query = logged("127.0.0.1", label(hostile));
    const std::string line = to_json_line(query);
    CHECK(std::count(line.begin(), line.end(), '\n') == 1);
    CHECK(line.find(
              R"("name":"\\034\\092\\010\\013\\009\\123\\125\\061\\044\\127\\128\\255\\000")") !=
          line.npos);
    const std::string entry = to_journal_entry(query);
    CHECK(std::count(entry.begin(), entry.end(), '\n') == 13);
    CHECK(entry.find("\nMESHGATE_NAME=\\034\\092\\010") != entry.npos);
    for (const char c : line + entry) CHECK((c == '\n' || (c >= ' ' && c <= '~')));
}
