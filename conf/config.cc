#include "conf/config.h"

#include <algorithm>
#include <array>

namespace meshgate::conf {
namespace {

constexpr Port default_dns_port = 15053;

SocketAddress loopback(std::string_view address) {
    return {IpAddress::parse(address).value(), default_dns_port, {}};
}

}  // namespace

std::string Location::to_string() const {
    if (file.empty() || line == 0) return file;
    return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

Dns::Dns() : listen{loopback("127.0.0.1"), loopback("::1")} {}

Vip::Vip()
    : ipv4(Cidr::parse("240.0.0.0/4").value()), mesh_service(Cidr::parse("241.0.0.0/8").value()),
      mesh_external_service(Cidr::parse("242.0.0.0/8").value()),
      mesh_multi_zone_service(Cidr::parse("243.0.0.0/8").value()) {}

const Cidr& Vip::range4(ServiceKind kind) const noexcept {
    switch (kind) {
    case ServiceKind::mesh_service:
        return mesh_service;
    case ServiceKind::mesh_external_service:
        return mesh_external_service;
    case ServiceKind::mesh_multi_zone_service:
        return mesh_multi_zone_service;
    default:
        return ipv4;
    }
}

std::string_view Vip::key4(ServiceKind kind) noexcept {
    static constexpr std::array<std::string_view, 4> keys{
        "vip.ipv4", "vip.mesh_service", "vip.mesh_external_service", "vip.mesh_multi_zone_service"};
    return keys[static_cast<std::size_t>(kind)];
}

std::vector<Cidr> vip_ranges4(const Config& config) {
    std::vector<Cidr> ranges{config.vip.ipv4};
    const auto is_there = [&config](ServiceKind kind) {
        return config.feed.kuma ||
               std::any_of(config.services.begin(), config.services.end(),
                           [kind](const Service& service) { return service.kind == kind; });
    };
    for (const auto kind : {ServiceKind::mesh_service, ServiceKind::mesh_external_service,
                            ServiceKind::mesh_multi_zone_service}) {
        const Cidr& range = config.vip.range4(kind);
        const auto holds = [&range](const Cidr& other) { return other.contains(range); };
        if (!is_there(kind) || std::any_of(ranges.begin(), ranges.end(), holds)) continue;
        std::erase_if(ranges, [&range](const Cidr& other) { return range.contains(other); });
        ranges.push_back(range);
    }
    return ranges;
}

}  // namespace meshgate::conf
