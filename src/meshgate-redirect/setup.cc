#include "src/meshgate-redirect/setup.h"

#include "conf/load.h"
#include "src/meshgate-redirect/flags.h"
#include "src/meshgate-redirect/host.h"

namespace meshgate::redirect {

Setup make_setup(const Invocation& invocation) {
    Setup setup;
    setup.config = conf::load_or_default(invocation.config).config;
    apply_flags(invocation.flags, setup.config);
    auto gathered = gather_host(setup.config);
    setup.host = std::move(gathered.host);
    setup.plan = netfilter::plan(setup.config, setup.host);
    setup.warnings = std::move(gathered.warnings);
    setup.notices = std::move(gathered.notices);
    setup.notices.insert(setup.notices.end(), setup.plan.notices.begin(), setup.plan.notices.end());
    return setup;
}

void require_engine(const conf::Config& config) {
    if (config.redirect.engine != conf::Engine::iptables) return;
    throw Unsupported("redirect.engine = \"iptables\": this build has no iptables engine; use "
                      "\"nftables\" or \"auto\"");
}

}  // namespace meshgate::redirect
