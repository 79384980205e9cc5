#include "src/meshgate-dns/upstreams.h"

#include "dns/wire/text_name.h"

#include "conf/resolv_conf.h"
#include "src/meshgate-dns/listen_addresses.h"
#include "src/meshgate-dns/own_listeners.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace meshgate::dnsd {
namespace {

constexpr std::chrono::seconds refresh{60};  // what an address change of an upstream may cost
constexpr std::chrono::seconds retry{5};     // at boot the network may come after us

bool contains(const std::vector<conf::SocketAddress>& list, const conf::SocketAddress& address) {
    return std::find(list.begin(), list.end(), address) != list.end();
}

}  // namespace

Upstreams::Upstreams(boost::asio::io_context& context, std::vector<conf::SocketAddress> listening,
                     Resolve resolve, Apply apply)
    : listening_(std::move(listening)), resolve_(std::move(resolve)), apply_(std::move(apply)),
      again_(context) {}

std::vector<std::string> Upstreams::configure(const conf::Config& config) {
    configured_ = {{{0}, config.dns.upstreams}};
    for (const conf::Forward& forward : config.dns.forwards) {
        configured_.push_back({dns::wire::to_wire(forward.suffix), forward.upstreams});
    }
    resolv_conf_ = config.resolv_conf;
    std::vector<std::string> warnings;
    if (reads_resolv_conf()) warnings = read_resolv_conf();
    const auto left_out = choose();
    warnings.insert(warnings.end(), left_out.begin(), left_out.end());
    resolve_hosts();
    return warnings;
}

bool Upstreams::reads_resolv_conf() const {
    constexpr auto reads = [](const conf::Upstream& upstream) {
        return std::holds_alternative<conf::ResolvConfUpstreams>(upstream);
    };
    return std::any_of(configured_.begin(), configured_.end(), [&](const Group& group) {
        return std::any_of(group.upstreams.begin(), group.upstreams.end(), reads);
    });
}

std::string Upstreams::followed_file() const {
    return reads_resolv_conf() ? resolv_conf_ : "";
}

std::vector<std::string> Upstreams::resolv_conf_changed() {
    if (stopped_ || !reads_resolv_conf()) return {};
    const auto before = from_resolv_conf_;
    auto lines = read_resolv_conf();
    if (from_resolv_conf_ == before) return lines;
    const auto left_out = choose();
    lines.insert(lines.end(), left_out.begin(), left_out.end());
    return lines;
}

std::vector<std::string> Upstreams::read_resolv_conf() {
    const std::string kept = from_resolv_conf_.empty() ? "" : "; the servers it had stay in use";
    try {
        auto servers = conf::read_resolv_conf(resolv_conf_);
        // Somebody may be writing it at this moment.
        if (servers.empty()) return {resolv_conf_ + ": no nameserver" + kept};
        from_resolv_conf_ = std::move(servers);
        return {};
    } catch (const std::system_error& error) {
        return {error.what() + kept};
    }
}

std::vector<conf::SocketAddress> Upstreams::candidates(const Group& group) const {
    std::vector<conf::SocketAddress> all;
    for (const conf::Upstream& upstream : group.upstreams) {
        if (const auto* address = std::get_if<conf::SocketAddress>(&upstream)) {
            all.push_back(*address);
        } else if (const auto* host = std::get_if<conf::HostUpstream>(&upstream)) {
            const auto known = hosts_.find(host->host);
            if (known == hosts_.end()) continue;
            for (const auto& ip : known->second) all.push_back({ip, host->port, ""});
        } else {
            all.insert(all.end(), from_resolv_conf_.begin(), from_resolv_conf_.end());
        }
    }
    return all;
}

/// Makes the lists anew and hands them on. @return a line for each server that is left out.
std::vector<std::string> Upstreams::choose() {
    std::vector<std::string> left_out;
    std::vector<dns::forward::Route> routes;
    const auto local = local_addresses();
    for (const Group& group : configured_) {
        auto& [suffix, chosen] = routes.emplace_back();
        suffix = group.suffix;
        for (const conf::SocketAddress& address : candidates(group)) {
            if (contains(chosen, address)) continue;
            if (!is_own_listener(address, listening_, local)) {
                chosen.push_back(address);
                continue;
            }
            const std::string line =
                "upstream " + address.to_string() + " is this server: left out";
            if (left_out.empty() || left_out.back() != line) left_out.push_back(line);
        }
    }
    routes_ = std::move(routes);
    apply_(routes_);
    return left_out;
}

std::set<std::string> Upstreams::hosts() const {
    std::set<std::string> names;
    for (const Group& group : configured_) {
        for (const conf::Upstream& upstream : group.upstreams) {
            if (const auto* host = std::get_if<conf::HostUpstream>(&upstream)) {
                names.insert(host->host);
            }
        }
    }
    return names;
}

void Upstreams::resolve_hosts() {
    bool all_known = true;
    const auto names = hosts();
    for (const std::string& host : names) {
        all_known = all_known && hosts_.contains(host);
        resolve_(host, resolv_conf_, [this, name = host](std::vector<conf::IpAddress> found) {
            if (stopped_ || found.empty()) return;
            auto& known = hosts_[name];
            if (known == found) return;
            known = std::move(found);
            choose();
        });
    }
    if (!names.empty()) {
        resolve_again(all_known ? refresh : retry);
    } else {
        again_.cancel();
    }
}

void Upstreams::resolve_again(std::chrono::seconds later) {
    again_.wait_for(later, [this] { resolve_hosts(); });
}

void Upstreams::stop() {
    stopped_ = true;
    again_.cancel();
}

}  // namespace meshgate::dnsd
