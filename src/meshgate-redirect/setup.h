#pragma once

#include "dns/zone/vip_state.h"
#include "netfilter/plan/plan.h"
#include "src/meshgate-redirect/invocation.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// The configuration of an invocation (files, environment, flags) and what it comes to on this
/// machine.
struct Setup {
    conf::Config config;
    netfilter::Host host;  ///< what the plan was made for
    netfilter::Plan plan;
    std::optional<dns::zone::VipState> kept_vips;  ///< by gather_vips(), for keep_vips()
    std::optional<conf::Port> spared_port;  ///< left alone by the plan until it is confirmed
    bool dry_run = false;               ///< print, change nothing
    bool store_firewalld = false;       ///< the capture is to survive as firewalld's own
    std::vector<std::string> warnings;  ///< what had to be assumed of this machine
    std::vector<std::string> notices;   ///< the plan's, and what could not be found out
};

/// @throws conf::Error, UnknownUser, UsageError
Setup make_setup(const Invocation& invocation);

/// Makes the plan anew: the configuration, the host or the spared port is another now.
void plan_anew(Setup& setup);

}  // namespace meshgate::redirect
