#include "src/meshgate-redirect/wishes.h"

#include "conf/kuma/environment.h"
#include "conf/load.h"
#include "src/meshgate-redirect/flags.h"

namespace meshgate::redirect {

conf::kuma::Wishes wishes_of(const Invocation& invocation) {
    conf::kuma::Wishes wishes;
    if (invocation.verb != Verb::import) {
        wishes.config = conf::load_or_default(invocation.config).config;
    }
    conf::kuma::apply_environment(conf::kuma::process_environment(), wishes);
    if (invocation.verbose) wishes.verbose = invocation.verbose;
    if (invocation.dry_run) wishes.dry_run = invocation.dry_run;
    apply_flags(invocation.flags, wishes);
    if (auto found = conf::contradictions(wishes.config); !found.empty()) {
        throw conf::Error(std::move(found));
    }
    return wishes;
}

std::string ignored_warning(const conf::kuma::Wishes& wishes) {
    std::string names;
    for (const auto& name : wishes.ignored) names += (names.empty() ? "" : ", ") + name;
    if (names.empty()) return "";
    return "nothing here is done by iptables' programs, so this means nothing and is ignored: " +
           names;
}

}  // namespace meshgate::redirect
