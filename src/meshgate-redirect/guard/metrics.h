#pragma once

#include "netfilter/ruleset/counters.h"
#include "src/meshgate-redirect/guard/endpoint_watch.h"
#include "src/meshgate-redirect/guard/keeper.h"
#include "src/meshgate-redirect/guard/service_connections.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// The numbers of one moment.
struct GuardNumbers {
    GuardStats stats;
    netfilter::Counters counters;
    bool is_ready = false;
    bool holds = false;
    bool is_fight = false;
    bool is_dns_open = false;
    std::vector<EndpointState> endpoints;    ///< those that are told one by one
    std::size_t more_endpoints = 0;          ///< beside them
    std::uint64_t endpoint_changes = 0;
    std::vector<ServiceNumbers> services;    ///< none: the kernel does not tell
    std::size_t more_services = 0;           ///< beside them
};

/// Endpoints that the metrics tell one by one, at most.
inline constexpr std::size_t endpoints_told_max = 1000;

/// The endpoints of VIPs as JSON, `meshgate-guard.endpoints/1`.
std::string endpoints_json(const std::vector<EndpointState>& endpoints, std::size_t more);

/// Prometheus text exposition format 0.0.4.
std::string guard_metrics(const GuardNumbers& numbers);

}  // namespace meshgate::redirect
