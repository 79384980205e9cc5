#pragma once

#include "conf/config.h"

#include <string>
#include <vector>

namespace meshgate::dns::naming {

/// Whether a proxy may reach the value of kuma.io/service.
bool reaches(const conf::Reachable& reachable, const std::string& service);

/// Whether it may reach a MeshService or its like, with `labels` (hostnames.h). `ports` of it are
/// left: those that a reference names.
bool reaches(const conf::Reachable& reachable, const conf::Service& service,
             const conf::Tags& labels, std::vector<conf::Port>& ports);

}  // namespace meshgate::dns::naming
