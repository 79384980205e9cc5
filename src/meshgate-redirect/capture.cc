#include "src/meshgate-redirect/capture.h"

#include "netfilter/nftnl/replacement.h"
#include "netfilter/ruleset/print.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/setup.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace meshgate::redirect {
namespace {

using netfilter::Surroundings;

const char* const no_nf_tables =
    "this kernel has no nf_tables (CONFIG_NETFILTER, CONFIG_NF_TABLES): nothing can be captured";

/// Both: what is to go stays until the rules that need it are gone.
Surroundings both(const Surroundings& before, const Surroundings& wanted) {
    Surroundings all = wanted;
    all.inbound_passthrough_address6 |= before.inbound_passthrough_address6;
    for (const auto& range : before.local_routes) {
        if (std::ranges::find(all.local_routes, range) == all.local_routes.end()) {
            all.local_routes.push_back(range);
        }
    }
    return all;
}

/// Undoes what an install did that cannot be finished, unless the new rules are in force all the
/// same and need it; the reason is thrown on.
void take_back(netfilter::Kernel& kernel, netfilter::SurroundingsApplier& surroundings,
               const Surroundings& before, const std::string& new_digest) {
    try {
        const auto now = kernel.read(table_name);
        if (now && now->ownership && now->ownership->digest == new_digest) return;
        surroundings.apply(before);
    } catch (const std::exception& error) {
        log::error(std::string{"taking back what was done: "} + error.what());
    }
}

}  // namespace

Capture::Capture() try : installed_(kernel_.read(table_name)) {
} catch (const netfilter::KernelError& error) {
    if (error.error() == EOPNOTSUPP) throw Unsupported(no_nf_tables);
    throw;
} catch (const std::system_error& error) {
    if (error.code().value() == EPROTONOSUPPORT) throw Unsupported(no_nf_tables);
    throw;
}

bool Capture::was_changed() const {
    return installed_ && installed_->ownership &&
           (!installed_->unknown.empty() ||
            installed_->ownership->digest != digest(installed_->ruleset));
}

bool Capture::is(const netfilter::Plan& plan) {
    return installed_ && installed_->ownership && installed_->unknown.empty() &&
           installed_->ownership->format == netfilter::table_format &&
           installed_->ownership->digest == digest(plan.ruleset) &&
           installed_->ruleset == plan.ruleset &&
           surroundings_.differences(plan.surroundings).empty() &&
           !kernel_.read(netfilter::bridge_name(table_name));  // of a replacement that failed
}

std::vector<std::string> Capture::replace(const netfilter::Plan& plan) {
    const Surroundings before = surroundings_.ours();
    const netfilter::Ownership ownership{.format = netfilter::table_format,
                                         .version = MESHGATE_VERSION,
                                         .digest = digest(plan.ruleset)};
    std::vector<std::string> lines;
    try {
        lines = surroundings_.apply(both(before, plan.surroundings));
        kernel_.replace(plan.ruleset, ownership);
    } catch (const std::exception&) {
        take_back(kernel_, surroundings_, before, ownership.digest);
        throw;
    }
    const auto more = surroundings_.apply(plan.surroundings);
    for (const auto& line : more) {
        if (std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
    }
    return lines;
}

bool Capture::remove() {
    const bool beside = surroundings_.remove();
    const bool table = kernel_.remove(table_name);
    return beside || table;
}

}  // namespace meshgate::redirect
