// Any question to a table with every kind of name: the answer is within the limit, repeats the
// question, and all its records can be read.
#include "dns/records/records.h"
#include "dns/wire/reply.h"
#include "dns/zone/build.h"

#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace meshgate;

namespace {

std::shared_ptr<const dns::zone::Table> make_table() {
    dns::zone::Contents contents;
    contents.domains = {"mesh", "mesh.local"};
    contents.reverse_ranges = {conf::Cidr::parse("240.0.0.0/4").value()};
    contents.services = {
        {"a", conf::IpAddress::parse("240.0.0.0"), conf::IpAddress::parse("fd00::1"), {}},
        {"b_c_svc_80",
         conf::IpAddress::parse("240.0.0.1"),
         conf::IpAddress::parse("::ffff:240.0.0.1"),
         {}}};
    const conf::Record records[] = {{"c.mesh", "CNAME", "a.mesh.", {}, {}},
                                    {"l.mesh", "CNAME", "l.mesh.", {}, {}},
                                    {"*.w.mesh", "TXT", "\"wild\"", {}, {}},
                                    {"d.example", "A", "10.0.0.1", {}, {}}};
    for (const auto& record : records) {
        contents.records.push_back(dns::records::to_wire(record, 30));
    }
    return dns::zone::build(contents);
}

/// Whether every record is whole and nothing is left over: what parse_question says of the same
/// bytes as a query.
bool is_whole(std::span<const std::uint8_t> answer) {
    std::vector<std::uint8_t> query{answer.begin(), answer.end()};
    query[2] &= 0x7f;
    dns::wire::Question question;
    return dns::wire::parse_question(query, question) == dns::wire::Parsed::question;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto table = make_table();
    dns::wire::Question question;
    const std::span<const std::uint8_t> message{data, size};
    if (dns::wire::parse_question(message, question) != dns::wire::Parsed::question) return 0;
    std::vector<std::uint8_t> out(65535);
    for (const std::size_t limit : {std::size_t{512}, std::size_t{65535}}) {
        const std::size_t bytes = table->answer(question, limit, out);
        if (bytes == 0) continue;
        const auto answer = std::span{out}.first(bytes);
        if (bytes > limit || !dns::wire::matches(answer, message) || !is_whole(answer)) {
            std::abort();
        }
    }
    return 0;
}
