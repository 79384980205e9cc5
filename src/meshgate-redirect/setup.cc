#include "src/meshgate-redirect/setup.h"

#include "conf/contradictions.h"
#include "conf/load.h"
#include "src/meshgate-redirect/flags.h"
#include "src/meshgate-redirect/host.h"

namespace meshgate::redirect {
namespace {

void require_no_contradiction(const conf::Config& config) {
    if (auto found = conf::contradictions(config); !found.empty()) {
        throw conf::Error(std::move(found));
    }
}

/// By any name: what root sends would never be captured.
void require_ordinary_user(const Setup& setup) {
    const auto& proxy = setup.config.proxy;
    if (!proxy.enabled || setup.host.proxy_user != 0) return;
    throw conf::Error({{proxy.user ? proxy.user->where : conf::Location{}, conf::root_proxy}});
}

std::string says_ignored(const std::vector<std::string>& names) {
    std::string line = "nothing here is done by iptables' programs, so this means nothing and is "
                       "ignored: ";
    for (const auto& name : names) line += (&name == &names.front() ? "" : ", ") + name;
    return line;
}

}  // namespace

Setup make_setup(const Invocation& invocation) {
    Setup setup;
    conf::kuma::Wishes wishes;
    wishes.config = conf::load_or_default(invocation.config).config;
    apply_flags(invocation.flags, wishes);
    require_no_contradiction(wishes.config);
    setup.config = std::move(wishes.config);
    setup.store_firewalld = wishes.store_firewalld;
    auto gathered = gather_host(setup.config);
    setup.host = std::move(gathered.host);
    setup.plan = netfilter::plan(setup.config, setup.host);
    require_ordinary_user(setup);
    setup.warnings = std::move(gathered.warnings);
    if (!wishes.ignored.empty()) setup.warnings.push_back(says_ignored(wishes.ignored));
    setup.notices = std::move(gathered.notices);
    setup.notices.insert(setup.notices.end(), setup.plan.notices.begin(), setup.plan.notices.end());
    return setup;
}

void require_engine(const Setup& setup) {
    if (setup.store_firewalld) {
        throw Unsupported("--store-firewalld: this build does not write to firewalld; to have the "
                          "capture at every boot: systemctl enable --now meshgate-redirect");
    }
    if (setup.config.redirect.engine != conf::Engine::iptables) return;
    throw Unsupported("redirect.engine = \"iptables\": this build has no iptables engine; use "
                      "\"nftables\" or \"auto\"");
}

}  // namespace meshgate::redirect
