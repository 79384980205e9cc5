#include "messages.h"

#include "dns/wire/text_name.h"

#include <doctest/doctest.h>

namespace meshgate::test {
namespace {

void put16(Bytes& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}
void put32(Bytes& out, std::size_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xffff);
}
void append(Bytes& out, const Bytes& more) {
    out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

Bytes name(std::string_view text) {
    const auto wire = dns::wire::to_wire(text);
    return {wire.begin(), wire.end()};
}

Bytes query(std::string_view text, std::uint16_t qtype, Want want, std::uint16_t id) {
    Bytes out;
    put16(out, id);
    put16(out, 0x0100);
    put16(out, 1);
    put32(out, 0);
    put16(out, want == Want::plain ? 0 : 1);
    append(out, name(text));
    put16(out, qtype);
    put16(out, 1);
    if (want == Want::plain) return out;
    append(out, {0, 0, 41, 0x04, 0xd0, 0, 0,
                 static_cast<std::uint8_t>(want == Want::dnssec ? 0x80 : 0), 0, 0, 0});
    return out;
}

Query::Query(Bytes message) : bytes(std::move(message)) {
    REQUIRE(dns::wire::parse_question(bytes, question) == dns::wire::Parsed::question);
}

Rr a(std::string_view owner, std::uint32_t ttl, std::uint8_t last) {
    return {owner, 1, ttl, {192, 0, 2, last}};
}
Rr cname(std::string_view owner, std::uint32_t ttl, std::string_view target) {
    return {owner, 5, ttl, name(target)};
}
Rr soa(std::string_view owner, std::uint32_t ttl, std::uint32_t minimum) {
    const std::string zone{owner == "." ? "" : owner};
    Rr out{owner, 6, ttl, name("ns." + zone)};
    append(out.rdata, name("admin." + zone));
    for (const std::uint32_t number : {1U, 3600U, 600U, 86400U, minimum}) put32(out.rdata, number);
    return out;
}

Bytes reply(const Bytes& query, const Sections& sections) {
    std::size_t end = 12;
    while (query[end] != 0) end += std::size_t{1} + query[end];
    Bytes out{query.begin(), query.begin() + static_cast<std::ptrdiff_t>(end + 5)};
    out[2] = static_cast<std::uint8_t>(sections.flags >> 8);
    out[3] = static_cast<std::uint8_t>(sections.flags);
    const auto count = [&](std::size_t at, const std::vector<Rr>& records) {
        out[at] = static_cast<std::uint8_t>(records.size() >> 8);
        out[at + 1] = static_cast<std::uint8_t>(records.size());
    };
    count(6, sections.answers);
    count(8, sections.authority);
    count(10, sections.additional);
    for (const auto* records : {&sections.answers, &sections.authority, &sections.additional}) {
        for (const Rr& record : *records) {
            append(out, name(record.owner));
            put16(out, record.type);
            put16(out, record.rclass);
            put32(out, record.ttl);
            put16(out, record.rdata.size());
            append(out, record.rdata);
        }
    }
    return out;
}

}  // namespace meshgate::test
