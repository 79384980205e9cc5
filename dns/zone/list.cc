#include "dns/zone/build.h"

#include "dns/wire/text_name.h"
#include "dns/zone/service_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_set>

namespace meshgate::dns::zone {
namespace {

/// Mnemonics of the types that a record can have here; others are TYPE65280 (RFC 3597 section 5).
std::string type_name(std::uint16_t type) {
    static const std::map<std::uint16_t, std::string_view> names{
        {1, "A"},      {2, "NS"},   {5, "CNAME"},  {6, "SOA"},     {12, "PTR"},  {13, "HINFO"},
        {15, "MX"},    {16, "TXT"}, {28, "AAAA"},  {29, "LOC"},    {33, "SRV"},  {35, "NAPTR"},
        {39, "DNAME"}, {43, "DS"},  {44, "SSHFP"}, {48, "DNSKEY"}, {52, "TLSA"}, {64, "SVCB"},
        {65, "HTTPS"}, {99, "SPF"}, {256, "URI"},  {257, "CAA"}};
    const auto found = names.find(type);
    return found != names.end() ? std::string{found->second} : "TYPE" + std::to_string(type);
}

/// What services and records have not claimed; `claimed` grows.
void add_source(const Source& source, std::unordered_set<std::string>& claimed,
                std::vector<ListedName>& rows) {
    std::unordered_set<std::string> own;
    for (std::size_t i = 0; i < source.hosts->size(); ++i) {
        const auto [wire_name, addresses, canonical] = (*source.hosts)[i];
        const std::string name = wire::to_text(wire_name);
        if (claimed.insert(name).second) {
            own.insert(name);
        } else if (!own.contains(name)) {
            continue;
        }
        for (const conf::IpAddress& address : addresses) {
            const bool ipv4 = address.family() == conf::Family::ipv4;
            if (!(ipv4 ? source.ipv4 : source.ipv6)) continue;
            rows.push_back(
                {name, source.ttl, ipv4 ? "A" : "AAAA", address.to_string(), source.name});
        }
    }
}

}  // namespace

std::string dotted_twin(std::string_view service) {
    std::string dotted{service};
    std::replace(dotted.begin(), dotted.end(), '_', '.');
    if (dotted == service || wire::to_wire(dotted).empty()) return {};
    return dotted;
}

conf::IpAddress mapped(const conf::IpAddress& ipv4) noexcept {
    std::array<std::uint8_t, 16> bytes{};
    bytes[10] = bytes[11] = 0xff;
    std::copy(ipv4.bytes().begin(), ipv4.bytes().end(), bytes.begin() + 12);
    return conf::IpAddress::ipv6(bytes);
}

std::vector<ListedName> list(const Contents& contents, const Sources& sources) {
    std::vector<ListedName> rows;
    std::unordered_set<std::string> claimed;
    const auto add = [&](const auto& addressed, const std::string& name) {
        if (!claimed.insert(name).second) return;
        for (const auto& address : {addressed.address4, addressed.address6}) {
            if (!address) continue;
            const bool ipv4 = address->family() == conf::Family::ipv4;
            rows.push_back(
                {name, contents.ttl, ipv4 ? "A" : "AAAA", address->to_string(), addressed.source});
        }
    };
    for (const NamedHost& host : contents.hosts) {
        for (const std::string& name : host.names) add(host, name);
    }
    for_each_service_name(contents, add);
    for (const WireRecord& record : contents.records) {
        rows.push_back({wire::to_text(record.owner), record.ttl, type_name(record.type),
                        record.text, "record"});
        if (!sources.told.empty()) claimed.insert(rows.back().name);
    }
    for (const Source& source : sources.told) add_source(source, claimed, rows);
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    return rows;
}

}  // namespace meshgate::dns::zone
