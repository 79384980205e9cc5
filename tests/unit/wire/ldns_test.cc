// The same bytes read by this library and by ldns. Where both read them they agree; where only one
// of them does, the reason is one of those named here.
#include "dns/wire/name.h"
#include "dns/wire/question.h"
#include "messages.h"

#include <doctest/doctest.h>
#include <ldns/ldns.h>

#include <cstdlib>
#include <memory>
#include <ostream>
#include <random>

using namespace meshgate::test;
using namespace meshgate::dns;

namespace {

using Packet = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;
using Rdf = std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)>;

unsigned steps() {
    return std::getenv("MESHGATE_FULL") != nullptr ? 1000000 : 100000;
}

Packet by_ldns(const Bytes& message) {
    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, message.data(), message.size()) != LDNS_STATUS_OK) packet = nullptr;
    return {packet, &ldns_pkt_free};
}

Bytes lower_name(const ldns_rdf* name) {
    Bytes bytes{ldns_rdf_data(name), ldns_rdf_data(name) + ldns_rdf_size(name)};
    for (std::uint8_t& byte : bytes) {
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<std::uint8_t>(byte + 32);
    }
    return bytes;
}

class Mutations {
public:
    std::size_t below(std::size_t bound) { return random_() % bound; }

    /// Some bytes changed, cut off or put in: most of them where the structure is.
    Bytes mutated(Bytes message) {
        for (std::size_t left = below(3) + (below(8) == 0 ? 0 : 1); left > 0; --left) {
            if (message.empty()) break;
            std::uint8_t& byte = message[below(message.size())];
            switch (below(6)) {
            case 0:
                message.resize(below(message.size()));
                break;
            case 1:
                message.push_back(static_cast<std::uint8_t>(below(256)));
                break;
            case 2:
                byte = static_cast<std::uint8_t>(byte ^ 1U << below(8));
                break;
            case 3:
                byte = static_cast<std::uint8_t>(below(4));
                break;
            case 4:
                byte = 0xc0;
                break;
            default:
                byte = static_cast<std::uint8_t>(below(256));
            }
        }
        return message;
    }

private:
    std::mt19937 random_{20261123};
};

void check_agreement(const Bytes& message, const wire::Question& ours, const ldns_pkt* theirs) {
    const ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(theirs), 0);
    CHECK(ours.id == ldns_pkt_id(theirs));
    CHECK(Bytes(ours.lower().begin(), ours.lower().end()) == lower_name(ldns_rr_owner(question)));
    CHECK(ours.qtype == ldns_rr_get_type(question));
    CHECK(ours.qclass == ldns_rr_get_class(question));
    CHECK(ours.recursion_desired() == ldns_pkt_rd(theirs));
    CHECK(ours.checking_disabled() == ldns_pkt_cd(theirs));
    CHECK(ours.edns.has_value() == ldns_pkt_edns(theirs));
    if (!ours.edns || !ldns_pkt_edns(theirs)) return;
    CHECK(ours.edns->udp_payload_size == ldns_pkt_edns_udp_size(theirs));
    CHECK(ours.edns->version == ldns_pkt_edns_version(theirs));
    CHECK(ours.edns->dnssec_ok == ldns_pkt_edns_do(theirs));
    CHECK(ours.edns->options_offset + ours.edns->options_bytes <= message.size());
}

}  // namespace

TEST_CASE("a query that both read says the same to both") {
    const Bytes seeds[]{
        query,
        with_counts(query + opt, 0, 0, 1),
        with_counts(query + hex("00 0029 04d0 00 00 0000 000c 000a0008 0102030405060708"), 0, 0, 1),
        hex("0001 0120 0001 0000 0000 0000 00 0002 0001"),
        hex("0002 0110 0001 0000 0000 0000 01 2a 03 5f6162 07 6578616d706c65 00 0041 0001"),
    };
    Mutations mutations;
    unsigned both = 0, ours_only = 0;
    for (unsigned step = 0; step < steps(); ++step) {
        const Bytes message = mutations.mutated(seeds[mutations.below(std::size(seeds))]);
        wire::Question ours;
        const auto parsed = wire::parse_question(message, ours);
        if (parsed != wire::Parsed::question && parsed != wire::Parsed::badvers) continue;
        const auto theirs = by_ldns(message);
        CAPTURE(step);
        if (theirs) {
            ++both;
            check_agreement(message, ours, theirs.get());
        } else {
            // The data of records other than OPT is nobody's business here; ldns reads it.
            ++ours_only;
            CHECK_MESSAGE(message.size() > ours.end(), "ldns does not read it");
        }
    }
    CHECK(both > steps() / 20);
    CHECK(ours_only < both / 20);
}

TEST_CASE("a query that ldns reads is read here too, but for what may not be in a query") {
    Mutations mutations;
    unsigned refused = 0;
    for (unsigned step = 0; step < steps(); ++step) {
        const Bytes message = mutations.mutated(query);
        const auto theirs = by_ldns(message);
        if (!theirs || ldns_pkt_qr(theirs.get()) || ldns_pkt_get_opcode(theirs.get()) != 0)
            continue;
        if (ldns_pkt_qdcount(theirs.get()) != 1 || message.size() < query.size()) continue;
        wire::Question ours;
        if (wire::parse_question(message, ours) == wire::Parsed::question) continue;
        ++refused;
        const auto* name = ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(theirs.get()), 0));
        // A pointer in the name of the question, or bytes behind the end, of which ldns says
        // nothing.
        const bool has_pointer = ldns_rdf_size(name) != wire::skip_name(message, 12) - 12;
        const bool has_rest = message.size() > 12 + ldns_rdf_size(name) + 4;
        CAPTURE(step);
        CHECK((has_pointer || has_rest));
    }
    CHECK(refused > 0);
}

TEST_CASE("a compressed name is the same to both") {
    // Names at 12 ("a.example"), 23 ("b" and a pointer to 14), 27 (a pointer to 23), and what
    // becomes of them.
    const Bytes seed =
        hex("0000 0000 0000 0000 0000 0000 01 61 07 6578616d706c65 00 01 62 c00e c017 "
            "05 5765624162 c01b c011");
    Mutations mutations;
    std::array<std::uint8_t, wire::name_bytes_max> lower{};
    unsigned both = 0;
    for (unsigned step = 0; step < steps(); ++step) {
        const Bytes message = mutations.mutated(seed);
        if (message.size() <= 12) continue;
        const std::size_t offset = 12 + mutations.below(message.size() - 12);
        const auto ours = wire::expand_name(message, offset, lower);
        std::size_t end = offset;
        ldns_rdf* name = nullptr;
        if (ldns_wire2dname(&name, message.data(), message.size(), &end) != LDNS_STATUS_OK)
            name = nullptr;
        const Rdf theirs{name, &ldns_rdf_deep_free};
        CAPTURE(step);
        CAPTURE(offset);
        if (ours.bytes == 0) continue;  // ldns follows pointers forwards and into the header
        REQUIRE(theirs);
        ++both;
        CHECK(ours.end == end);
        CHECK(Bytes(lower.begin(), lower.begin() + static_cast<std::ptrdiff_t>(ours.bytes)) ==
              lower_name(theirs.get()));
    }
    CHECK(both > steps() / 6);
}
