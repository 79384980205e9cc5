#pragma once

#include "netfilter/ruleset/counters.h"
#include "src/meshgate-redirect/guard/keeper.h"

#include <string>

namespace meshgate::redirect {

/// The numbers of one moment.
struct GuardNumbers {
    GuardStats stats;
    netfilter::Counters counters;
    bool is_ready = false;
    bool holds = false;
    bool is_fight = false;
    bool is_dns_open = false;
};

/// Prometheus text exposition format 0.0.4.
std::string guard_metrics(const GuardNumbers& numbers);

}  // namespace meshgate::redirect
