#include "src/meshgate-dns/catalogue.h"

#include "dns/records/records.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace meshgate::dnsd {
namespace {

using conf::IpFamilyMode;

/// All records, or every error there is in them.
std::vector<dns::zone::WireRecord> to_wire(const conf::Config& config) {
    std::vector<dns::zone::WireRecord> records;
    std::vector<conf::Diagnostic> errors;
    records.reserve(config.records.size());
    for (const conf::Record& record : config.records) {
        try {
            records.push_back(dns::records::to_wire(record, config.mesh.ttl));
        } catch (const conf::Error& error) {
            errors.insert(errors.end(), error.diagnostics().begin(), error.diagnostics().end());
        }
    }
    if (!errors.empty()) throw conf::Error(std::move(errors));
    return records;
}

/// Where every reverse name is ours, with an address or without: nobody outside knows of it.
std::vector<conf::Cidr> reverse_ranges(const conf::Vip& vip) {
    std::vector<conf::Cidr> ranges{vip.ipv4};
    if (vip.ipv6) ranges.push_back(*vip.ipv6);
    if (vip.ipv6_mode == conf::VipIpv6::mapped) {
        std::array<std::uint8_t, 16> base{};
        base[10] = base[11] = 0xff;  // ::ffff:0:0/96, RFC 4291 section 2.5.5.2
        std::copy(vip.ipv4.base.bytes().begin(), vip.ipv4.base.bytes().end(), base.begin() + 12);
        ranges.push_back(
            {conf::IpAddress::ipv6(base), static_cast<std::uint8_t>(96 + vip.ipv4.prefix)});
    }
    return ranges;
}

}  // namespace

Catalogue make_catalogue(const conf::Loaded& loaded, const dns::zone::VipState& kept) {
    const conf::Config& config = loaded.config;
    Catalogue out;
    for (const auto& warning : loaded.warnings) out.warnings.push_back(warning.to_string());

    dns::zone::Allocation allocation = dns::zone::allocate(config, kept);
    for (const auto& warning : allocation.warnings) out.warnings.push_back(warning.to_string());
    // A family that is not captured must not be resolved either: its traffic would go nowhere.
    const IpFamilyMode families = config.redirect.ip_family;
    for (dns::zone::NamedService& service : allocation.services) {
        if (families == IpFamilyMode::ipv6) service.address4.reset();
        if (families == IpFamilyMode::ipv4) service.address6.reset();
    }
    out.state = std::move(allocation.state);
    out.contents.domains = config.mesh.domains;
    for (const auto& forward : config.dns.forwards) {
        out.contents.forwarded.push_back(forward.suffix);
    }
    out.contents.ttl = config.mesh.ttl;
    out.contents.services = std::move(allocation.services);
    out.contents.records = to_wire(config);
    out.contents.reverse_ranges = reverse_ranges(config.vip);
    return out;
}

dns::zone::VipState read_kept_state(const std::string& file, std::vector<std::string>& warnings) {
    constexpr const char* consequence = "; addresses that are not pinned may change";
    try {
        return dns::zone::read_state(file);
    } catch (const conf::Error& error) {
        for (const auto& d : error.diagnostics()) warnings.push_back(d.to_string() + consequence);
    } catch (const std::system_error& error) {
        warnings.push_back(std::string{error.what()} + consequence);
    }
    return {};
}

}  // namespace meshgate::dnsd
