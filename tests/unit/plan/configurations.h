#pragma once

#include "netfilter/plan/plan.h"

#include <string>
#include <vector>

namespace meshgate::netfilter::test {

/// A configuration as written, and the machine it is for. Its plan is kept in tests/golden/NAME.*.
struct Configuration {
    std::string name;
    std::string toml;
    Host host;
};

const std::vector<Configuration>& configurations();
/// Those with VIPs that the kernel translates: nothing for iptables.
const std::vector<Configuration>& vip_configurations();
const Configuration& configuration(const std::string& name);

/// The plan of it. @throws conf::Error
Plan plan_of(const Configuration& configuration);
/// The plan of a text on a machine with a proxy and nothing else.
Plan plan_of(const std::string& toml);

}  // namespace meshgate::netfilter::test
