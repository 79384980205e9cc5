#pragma once

#include "conf/corefile/corefile.h"
#include "dns/zone/table.h"

#include <memory>
#include <string>
#include <vector>

namespace meshgate::coredns {

/// The names of `hosts` directives, compiled.
struct HostNames {
    std::shared_ptr<const dns::zone::Table> table;  ///< never null
    std::vector<std::string> warnings;              ///< files that cannot be read, lines
};

/// Reads the files. Of one that cannot be read there is only a warning, and what stands inline.
HostNames read_host_names(const std::vector<conf::corefile::Hosts>& directives);

}  // namespace meshgate::coredns
