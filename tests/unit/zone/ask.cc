#include "ask.h"

#include "conf/load.h"
#include "dns/records/records.h"
#include "dns/zone/build.h"
#include "dns/zone/vips.h"

#include <doctest/doctest.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <memory>
#include <ostream>

namespace meshgate::test {
namespace {

void append16(std::vector<std::uint8_t>& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
    out.push_back(static_cast<std::uint8_t>(value));
}

void append_name(std::vector<std::uint8_t>& out, std::string_view name) {
    while (!name.empty()) {
        const auto dot = std::min(name.find('.'), name.size());
        out.push_back(static_cast<std::uint8_t>(dot));
        out.insert(out.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot));
        name.remove_prefix(std::min(dot + 1, name.size()));
    }
    out.push_back(0);
}

std::string records_in_words(const ldns_rr_list* list) {
    std::string text;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        const std::unique_ptr<char, decltype(&std::free)> line{
            ldns_rr2str(ldns_rr_list_rr(list, i)), &std::free};
        std::string words = line.get();
        std::replace(words.begin(), words.end(), '\t', ' ');
        words.erase(std::remove(words.begin(), words.end(), '\n'), words.end());
        if (!text.empty()) text += "; ";
        text += words;
    }
    return text;
}

std::string flags_in_words(const ldns_pkt* packet) {
    std::string text;
    const auto add = [&text](bool set, const char* word) {
        if (set) text += std::string{" "} + word;
    };
    add(ldns_pkt_aa(packet), "aa");
    add(ldns_pkt_tc(packet), "tc");
    add(ldns_pkt_rd(packet), "rd");
    add(ldns_pkt_ra(packet), "ra");
    add(ldns_pkt_ad(packet), "ad");
    add(ldns_pkt_cd(packet), "cd");
    add(ldns_pkt_edns(packet), "edns");
    add(ldns_pkt_edns_do(packet), "do");
    return text;
}

std::vector<dns::zone::NamedService> services_of(const conf::Config& config) {
    std::vector<dns::zone::VipClaim> claims;
    for (const auto& service : config.services) {
        claims.push_back({service.name, service.name, service.kind, service.address4,
                          service.address6, service.where});
    }
    const auto grants = dns::zone::allocate(claims, config.vip, {}, {}).grants;
    std::vector<dns::zone::NamedService> services;
    for (std::size_t i = 0; i < claims.size(); ++i) {
        services.push_back(
            {claims[i].key, grants[i].address4, grants[i].address6, claims[i].where});
    }
    return services;
}

}  // namespace

std::shared_ptr<const dns::zone::Table> table_of(const std::string& toml) {
    const conf::Config config = conf::parse(toml, "test.toml").config;
    dns::zone::Contents contents;
    contents.domains = config.mesh.domains;
    for (const auto& each : config.dns.forwards) contents.forwarded.push_back(each.suffix);
    contents.ttl = config.mesh.ttl;
    contents.services = services_of(config);
    contents.reverse_ranges = {config.vip.ipv4};
    if (config.vip.ipv6) contents.reverse_ranges.push_back(*config.vip.ipv6);
    for (const auto& record : config.records) {
        contents.records.push_back(dns::records::to_wire(record, config.mesh.ttl));
    }
    return dns::zone::build(contents);
}

std::vector<std::uint8_t> to_bytes(const Query& query) {
    std::vector<std::uint8_t> out;
    append16(out, query.id);
    append16(out, query.flags);
    for (const unsigned count : {1U, 0U, 0U, query.edns ? 1U : 0U}) append16(out, count);
    append_name(out, query.name);
    append16(out, query.type);
    append16(out, query.qclass);
    if (query.edns) {
        out.push_back(0);
        append16(out, 41);
        append16(out, *query.edns);
        append16(out, 0);
        append16(out, query.dnssec_ok ? 0x8000 : 0);
        append16(out, 0);
    }
    return out;
}

std::vector<std::uint8_t> ask(const dns::zone::Table& table, const Query& query,
                              std::size_t limit) {
    const auto message = to_bytes(query);
    dns::wire::Question question;
    REQUIRE(dns::wire::parse_question(message, question) == dns::wire::Parsed::question);
    std::vector<std::uint8_t> out(65535);
    const std::size_t bytes = table.answer(question, limit, out);
    REQUIRE(bytes <= limit);
    out.resize(bytes);
    if (bytes == 0) return out;
    // Whatever the answer: the id and the question come back byte for byte.
    REQUIRE(bytes >= question.end());
    CHECK(std::equal(out.begin(), out.begin() + 2, message.begin()));
    CHECK(std::equal(out.begin() + 12, out.begin() + static_cast<std::ptrdiff_t>(question.end()),
                     message.begin() + 12));
    return out;
}

std::string in_words(const dns::zone::Table& table, const Query& query, std::size_t limit) {
    const auto bytes = ask(table, query, limit);
    if (bytes.empty()) return "forward";
    ldns_pkt* packet = nullptr;
    REQUIRE(ldns_wire2pkt(&packet, bytes.data(), bytes.size()) == LDNS_STATUS_OK);
    const std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)> owned{packet, &ldns_pkt_free};
    const std::unique_ptr<char, decltype(&std::free)> rcode{
        ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet)), &std::free};
    std::string text = rcode.get() + flags_in_words(packet);
    for (const auto* section : {ldns_pkt_answer(packet), ldns_pkt_authority(packet)}) {
        text += " | " + records_in_words(section);
    }
    while (text.ends_with(' ') || text.ends_with('|')) text.pop_back();
    return text;
}

}  // namespace meshgate::test
