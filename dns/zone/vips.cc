#include "dns/zone/vips.h"

#include "dns/zone/service_names.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace meshgate::dns::zone {
namespace {

using conf::Cidr;
using conf::IpAddress;
using conf::Service;

/// The next address; nullopt after the last of its family.
std::optional<IpAddress> next(const IpAddress& address) {
    std::array<std::uint8_t, 16> bytes{};
    const auto from = address.bytes();
    std::copy(from.begin(), from.end(), bytes.begin());
    for (std::size_t i = from.size(); i-- > 0;) {
        if (++bytes[i] == 0) continue;
        if (from.size() == 16) return IpAddress::ipv6(bytes);
        return IpAddress::ipv4(std::span<const std::uint8_t, 4>{bytes.data(), 4});
    }
    return std::nullopt;
}

/// One family: who has which address.
class Range {
public:
    Range(const Cidr& range, const std::map<std::string, IpAddress>& kept,
          std::optional<IpAddress> Service::*pin)
        : range_(range), kept_(kept), pin_(pin), free_(range.base) {}

    /// Pins, and what services had before, are taken before anybody is given something new.
    void reserve(const std::vector<Service>& services, std::vector<conf::Diagnostic>& warnings) {
        for (const Service& service : services) {
            if (const auto& pinned = service.*pin_) {
                taken_.insert(*pinned);
                given_[service.name] = *pinned;
            }
        }
        for (const Service& service : services) {
            if (given_.contains(service.name)) continue;
            const auto before = kept_.find(service.name);
            if (before == kept_.end()) continue;
            if (!range_.contains(before->second)) {
                warnings.push_back({service.where, "service '" + service.name + "' had " +
                                                       before->second.to_string() +
                                                       ", which is outside " + range_.to_string() +
                                                       ": it gets another address"});
            } else if (taken_.insert(before->second).second) {
                given_[service.name] = before->second;
            } else {
                warnings.push_back({service.where, "service '" + service.name + "' had " +
                                                       before->second.to_string() +
                                                       ", which another service is pinned to: it "
                                                       "gets another address"});
            }
        }
    }

    IpAddress give(const Service& service) {
        const auto found = given_.find(service.name);
        if (found != given_.end()) return found->second;
        while (free_ && range_.contains(*free_) && taken_.contains(*free_)) free_ = next(*free_);
        if (!free_ || !range_.contains(*free_)) {
            throw conf::Error({{service.where, "no address is left in " + range_.to_string() +
                                                   " for service '" + service.name + "'"}});
        }
        taken_.insert(*free_);
        return given_[service.name] = *free_;
    }

private:
    Cidr range_;
    const std::map<std::string, IpAddress>& kept_;
    std::optional<IpAddress> Service::*pin_;
    std::optional<IpAddress> free_;  ///< everything below it in the range is taken
    std::set<IpAddress> taken_;
    std::map<std::string, IpAddress> given_;
};

/// Two services at one address would be one to the proxy, and one to PTR.
void check_pins(const std::vector<Service>& services) {
    std::map<IpAddress, const Service*> owner;
    std::vector<conf::Diagnostic> errors;
    for (const Service& service : services) {
        for (const auto& pin : {service.address4, service.address6}) {
            if (!pin) continue;
            const auto [other, fresh] = owner.emplace(*pin, &service);
            if (fresh) continue;
            errors.push_back({service.where, "service '" + service.name + "' and service '" +
                                                 other->second->name + "' (" +
                                                 other->second->where.to_string() +
                                                 ") are both pinned to " + pin->to_string()});
        }
    }
    if (!errors.empty()) throw conf::Error(std::move(errors));
}

/// The names with dots that a service does not get, because another one has them.
void check_twins(const std::vector<Service>& services, std::vector<conf::Diagnostic>& warnings) {
    std::unordered_map<std::string, const Service*> owner;
    for (const Service& service : services) owner.emplace(service.name, &service);
    for (const Service& service : services) {
        const std::string twin = dotted_twin(service.name);
        if (twin.empty()) continue;
        const auto [other, fresh] = owner.emplace(twin, &service);
        if (fresh) continue;
        warnings.push_back({service.where, "service '" + service.name +
                                               "' does not get the name '" + twin +
                                               "': it belongs to service '" + other->second->name +
                                               "' (" + other->second->where.to_string() + ")"});
    }
}

}  // namespace

Allocation allocate(const conf::Config& config, const VipState& kept) {
    check_pins(config.services);
    Allocation out;
    check_twins(config.services, out.warnings);
    Range range4{config.vip.ipv4, kept.ipv4, &Service::address4};
    range4.reserve(config.services, out.warnings);
    std::optional<Range> range6;
    if (config.vip.ipv6_mode == conf::VipIpv6::native) {
        range6.emplace(config.vip.ipv6.value(), kept.ipv6, &Service::address6);
        range6->reserve(config.services, out.warnings);
    }
    out.services.reserve(config.services.size());
    for (const Service& service : config.services) {
        const IpAddress address4 = range4.give(service);
        std::optional<IpAddress> address6 = service.address6;
        if (range6) {
            address6 = range6->give(service);
            out.state.ipv6.emplace(service.name, *address6);
        } else if (!address6 && config.vip.ipv6_mode == conf::VipIpv6::mapped) {
            address6 = mapped(address4);
        }
        out.state.ipv4.emplace(service.name, address4);
        out.services.push_back({service.name, address4, address6, service.where});
    }
    return out;
}

}  // namespace meshgate::dns::zone
