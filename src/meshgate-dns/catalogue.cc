#include "src/meshgate-dns/catalogue.h"

#include "dns/records/records.h"
#include "dns/zone/service_names.h"
#include "src/vips/assignment.h"

#include <optional>
#include <system_error>
#include <utility>

namespace meshgate::dnsd {
namespace {

using dns::naming::NamedVip;

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
std::vector<conf::Cidr> reverse_ranges(const conf::Config& config) {
    std::vector<conf::Cidr> ranges = conf::vip_ranges4(config);
    if (config.vip.ipv6_mode == conf::VipIpv6::mapped) {
        for (std::size_t i = 0, count = ranges.size(); i < count; ++i) {
            // ::ffff:0:0/96, RFC 4291 section 2.5.5.2
            ranges.push_back({dns::zone::mapped(ranges[i].base),
                              static_cast<std::uint8_t>(96 + ranges[i].prefix)});
        }
    }
    if (config.vip.ipv6) ranges.push_back(*config.vip.ipv6);
    return ranges;
}

/// Its names, unless it cannot be reached. A family that is not captured must not be resolved
/// either: its traffic would go nowhere.
void add_vip(const NamedVip& vip, const dns::zone::VipGrant& grant, conf::IpFamilyMode families,
             dns::zone::Contents& to) {
    if (!vip.is_reachable) return;
    std::optional<conf::IpAddress> address4 = grant.address4, address6 = grant.address6;
    if (families == conf::IpFamilyMode::ipv6) address4.reset();
    if (families == conf::IpFamilyMode::ipv4) address6.reset();
    if (!vip.relative.empty()) {
        to.services.push_back({vip.relative, address4, address6, vip.where, vip.source});
    }
    if (!vip.names.empty()) {
        to.hosts.push_back({vip.names, address4, address6, vip.source, vip.where});
    }
}

void add_warnings(const std::vector<conf::Diagnostic>& from, std::vector<std::string>& to) {
    for (const auto& warning : from) to.push_back(warning.to_string());
}

}  // namespace

Catalogue make_catalogue(const conf::Loaded& loaded, const dns::zone::VipState& kept) {
    const conf::Config& config = loaded.config;
    Catalogue out;
    add_warnings(loaded.warnings, out.warnings);
    auto [names, allocation] = assign_vips(config, kept);
    add_warnings(names.warnings, out.warnings);
    add_warnings(allocation.warnings, out.warnings);
    out.state = std::move(allocation.state);
    out.contents.domains = config.mesh.domains;
    for (const auto& forward : config.dns.forwards) {
        out.contents.forwarded.push_back(forward.suffix);
    }
    out.contents.ttl = config.mesh.ttl;
    for (std::size_t i = 0; i < names.vips.size(); ++i) {
        add_vip(names.vips[i], allocation.grants[i], config.redirect.ip_family, out.contents);
    }
    out.contents.records = to_wire(config);
    out.contents.reverse_ranges = reverse_ranges(config);
    return out;
}

dns::zone::VipState read_kept_state(const std::string& file, std::vector<std::string>& warnings) {
    constexpr const char* consequence = "; addresses that are not pinned may change";
    try {
        std::vector<conf::Diagnostic> faults;
        auto state = dns::zone::read_state(file, faults);
        for (const auto& fault : faults) warnings.push_back(fault.to_string() + consequence);
        if (dns::zone::is_emptied(file)) {
            warnings.push_back(dns::zone::emptied_message(file) + consequence);
        }
        return state;
    } catch (const conf::Error& error) {
        for (const auto& d : error.diagnostics()) warnings.push_back(d.to_string() + consequence);
    } catch (const std::system_error& error) {
        warnings.push_back(std::string{error.what()} + consequence);
    }
    return {};
}

}  // namespace meshgate::dnsd
