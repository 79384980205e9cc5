#include "src/meshgate-redirect/setup.h"

#include "conf/contradictions.h"
#include "conf/load.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/confirm/exclusion.h"
#include "src/meshgate-redirect/host.h"
#include "src/meshgate-redirect/vips.h"
#include "src/meshgate-redirect/wishes.h"

#include <algorithm>
#include <utility>

namespace meshgate::redirect {
namespace {

/// By any name: what root sends would never be captured.
void require_ordinary_user(const Setup& setup) {
    const auto& proxy = setup.config.proxy;
    if (!proxy.enabled) return;
    const auto& users = setup.host.proxy_users;
    const auto root = std::ranges::find(users, conf::Uid{0});
    if (root == users.end()) return;
    const auto index = static_cast<std::size_t>(root - users.begin());
    const auto where = index < proxy.user.size() ? proxy.user[index].where : conf::Location{};
    throw conf::Error({{where, conf::root_proxy}});
}

}  // namespace

void plan_anew(Setup& setup) {
    setup.plan = netfilter::plan(setup.config, setup.host);
    if (setup.spared_port) {
        setup.plan.ruleset = with_spared_port(std::move(setup.plan.ruleset), *setup.spared_port);
    }
}

Setup make_setup(const Invocation& invocation) {
    Setup setup;
    auto wishes = wishes_of(invocation);
    setup.dry_run = wishes.dry_run.value_or(false);
    if (wishes.verbose.value_or(false)) log::configure("meshgate-redirect", log::Level::info);
    setup.config = std::move(wishes.config);
    setup.store_firewalld = wishes.store_firewalld;
    auto gathered = gather_host(setup.config);
    setup.host = std::move(gathered.host);
    setup.kept_vips = gather_vips(setup.config, setup.host, gathered.notices);
    setup.plan = netfilter::plan(setup.config, setup.host);
    require_ordinary_user(setup);
    setup.warnings = std::move(gathered.warnings);
    if (auto line = ignored_warning(wishes); !line.empty()) {
        setup.warnings.push_back(std::move(line));
    }
    setup.notices = std::move(gathered.notices);
    setup.notices.insert(setup.notices.end(), setup.plan.notices.begin(), setup.plan.notices.end());
    return setup;
}

}  // namespace meshgate::redirect
