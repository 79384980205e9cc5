#include "src/meshgate-redirect/vips.h"

#include "src/meshgate-redirect/engine.h"
#include "src/vips/assignment.h"
#include "src/vips/state_lock.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace meshgate::redirect {
namespace {

using dns::zone::VipState;

VipState read_kept(const conf::Config& config) {
    std::vector<conf::Diagnostic> faults;
    auto state = dns::zone::read_state(config.vip.state, faults);
    // meshgate-dns goes on without the line; addresses that two programs guess may differ.
    if (!faults.empty()) throw conf::Error(std::move(faults));
    return state;
}

netfilter::VipService to_service(const conf::Service& service, const dns::zone::VipGrant& grant,
                                 const dns::naming::NamedVip& vip) {
    netfilter::VipService out{.name = service.name,
                              .address4 = grant.address4,
                              .address6 = grant.address6,
                              .ports = vip.ports,
                              .protocols = service.protocols,
                              .balance = service.balance,
                              .endpoints = {},
                              .has_named_endpoints = false,
                              .is_checked = static_cast<bool>(service.health),
                              .where = service.where};
    if (out.address6 && out.address6->unmapped()) out.address6.reset();
    for (const auto& endpoint : service.endpoints) {
        const auto address = conf::IpAddress::parse(endpoint.host);
        if (address) {
            out.endpoints.push_back({*address, endpoint.port, endpoint.weight});
        } else {
            out.has_named_endpoints = true;
        }
    }
    return out;
}

/// Services whose VIPs are the kernel's, by their keys in the state file.
std::map<std::string, const conf::Service*> kernel_services(const conf::Config& config) {
    std::map<std::string, const conf::Service*> services;
    for (const auto& service : config.services) {
        if (config.vip.is_via_kernel(service)) services.emplace(conf::key_of(service), &service);
    }
    return services;
}

void add_proxy_vip(const dns::zone::VipGrant& grant, netfilter::Host& host) {
    host.proxy_vips.push_back(grant.address4);
    if (grant.address6 && !grant.address6->unmapped()) host.proxy_vips.push_back(*grant.address6);
}

void fill(const conf::Config& config, const Assignment& assignment, netfilter::Host& host,
          std::vector<std::string>& notices) {
    const auto services = kernel_services(config);
    const auto& names = assignment.names.vips;
    std::size_t unserved = 0;
    host.vips.clear();
    host.proxy_vips.clear();
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& grant = assignment.allocation.grants[i];
        if (const auto service = services.find(names[i].key); service != services.end()) {
            host.vips.push_back(to_service(*service->second, grant, names[i]));
        } else if (config.redirect.outbound.enabled) {
            add_proxy_vip(grant, host);
        } else if (config.vip.mode == conf::VipMode::kernel) {
            if (++unserved == 1) {
                notices.push_back(names[i].what + " has a VIP, but no endpoint that the kernel "
                                                  "knows, and there is no proxy: connections to it "
                                                  "are refused");
            }
        }
    }
    if (unserved > 1) notices.push_back("so are those to " + std::to_string(unserved - 1) + " more");
    if (auto faults = netfilter::vip_faults(host.vips); !faults.empty()) {
        throw conf::Error(std::move(faults));
    }
}

/// The state has every address that the kernel is to translate.
bool is_kept(const conf::Config& config, const VipState& kept, const Assignment& assignment) {
    const auto has = [](const auto& from, const auto& in) {
        return std::ranges::all_of(from, [&in](const auto& each) {
            const auto found = in.find(each.first);
            return found != in.end() && found->second == each.second;
        });
    };
    const auto services = kernel_services(config);
    const auto of_kernel = [&services](auto addresses) {
        std::erase_if(addresses, [&](const auto& each) { return !services.contains(each.first); });
        return addresses;
    };
    return has(of_kernel(assignment.allocation.state.ipv4), kept.ipv4) &&
           has(of_kernel(assignment.allocation.state.ipv6), kept.ipv6);
}

}  // namespace

bool has_kernel_vips(const conf::Config& config) {
    return config.vip.mode == conf::VipMode::kernel ||
           std::ranges::any_of(config.services, [&config](const auto& service) {
               return config.vip.is_via_kernel(service);
           });
}

std::optional<VipState> gather_vips(const conf::Config& config, netfilter::Host& host,
                                    std::vector<std::string>& notices) {
    if (!has_kernel_vips(config)) return std::nullopt;
    if (dns::zone::is_emptied(config.vip.state)) {
        notices.push_back(dns::zone::emptied_message(config.vip.state) +
                          "; addresses that are not pinned may change");
    }
    auto kept = read_kept(config);
    const auto assignment = assign_vips(config, kept);
    fill(config, assignment, host, notices);
    const bool any_checks = std::ranges::any_of(kernel_services(config), [](const auto& each) {
        return static_cast<bool>(each.second->health);
    });
    if (any_checks && config.redirect.outbound.enabled) host.checks_mark = checks_mark;
    if (!is_kept(config, kept, assignment)) return std::nullopt;
    return kept;
}

void keep_vips(Setup& setup) {
    const auto& config = setup.config;
    const auto known = std::exchange(setup.kept_vips, std::nullopt);
    if (!has_kernel_vips(config)) return;
    const auto kept = read_kept(config);
    if (known == kept) return;
    if (is_kept(config, kept, assign_vips(config, kept))) return;
    const auto folder = std::filesystem::path{config.vip.state}.parent_path();
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    std::error_code unknown;
    if (failed && !std::filesystem::exists(folder, unknown)) {
        throw std::system_error(failed, "vip.state: cannot make " + folder.string());
    }
    std::optional<StateLock> lock;
    try {
        lock.emplace(config.vip.state);
    } catch (const std::system_error&) {
        throw;
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(std::string{error.what()} +
                                 ", which has not given all services their addresses yet: reload "
                                 "meshgate-dns first");
    }
    const auto assignment = assign_vips(config, read_kept(config));
    dns::zone::write_state(config.vip.state, assignment.allocation.state);
    std::vector<std::string> told;  // by make_setup() already
    fill(config, assignment, setup.host, told);
    plan_anew(setup);
}

void require_engine_for_vips(const Setup& setup, std::string_view engine) {
    if (engine == "nftables" || !has_kernel_vips(setup.config)) return;
    throw Unsupported("only nftables can translate virtual addresses (vip.mode, via = \"kernel\"), "
                      "and the rules would go through " + std::string{engine});
}

}  // namespace meshgate::redirect
