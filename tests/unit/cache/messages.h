#pragma once

#include "dns/wire/question.h"

#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

/// Queries and replies, written down in words.
namespace meshgate::test {

using Bytes = std::vector<std::uint8_t>;

enum class Want : std::uint8_t { plain, edns, dnssec };

Bytes query(std::string_view name, std::uint16_t qtype, Want want = Want::plain,
            std::uint16_t id = 0x1234);

/// A query with its parsed form, which points into it.
struct Query {
    explicit Query(Bytes message);
    Query(std::string_view name, std::uint16_t qtype, Want want = Want::plain)
        : Query(query(name, qtype, want)) {}

    Bytes bytes;
    dns::wire::Question question;
};

struct Rr {
    std::string_view owner;
    std::uint16_t type;
    std::uint32_t ttl;
    Bytes rdata;
    std::uint16_t rclass = 1;
};

Bytes name(std::string_view text);  ///< on the wire, uncompressed
Rr a(std::string_view owner, std::uint32_t ttl, std::uint8_t last = 1);
Rr cname(std::string_view owner, std::uint32_t ttl, std::string_view target);
Rr soa(std::string_view owner, std::uint32_t ttl, std::uint32_t minimum);

struct Sections {
    std::vector<Rr> answers{};
    std::vector<Rr> authority{};
    std::vector<Rr> additional{};
    std::uint16_t flags = 0x8180;  ///< QR, RD, RA and the rcode
};
Bytes reply(const Bytes& query, const Sections& sections);

}  // namespace meshgate::test
