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

/// Passes on the servers that may be asked, each once, and a line for each that is ourselves.
class OthersOnly {
public:
    explicit OthersOnly(const std::vector<conf::SocketAddress>& listening)
        : listening_(listening) {}

    std::vector<conf::SocketAddress> of(const std::vector<conf::SocketAddress>& candidates) {
        std::vector<conf::SocketAddress> chosen;
        for (const conf::SocketAddress& address : candidates) {
            if (is_own_listener(address, listening_, local_)) {
                const std::string line =
                    "upstream " + address.to_string() + " is this server: left out";
                if (left_out_.empty() || left_out_.back() != line) left_out_.push_back(line);
            } else if (!contains(chosen, address)) {
                chosen.push_back(address);
            }
        }
        return chosen;
    }

    std::vector<std::string> take_lines() { return std::move(left_out_); }

private:
    const std::vector<conf::SocketAddress>& listening_;
    const std::vector<conf::IpAddress> local_ = local_addresses();
    std::vector<std::string> left_out_;
};

}  // namespace

std::vector<UpstreamGroup> upstream_groups(const conf::Dns& dns) {
    std::vector<UpstreamGroup> groups{{{0}, dns.upstreams}};
    for (const conf::Forward& forward : dns.forwards) {
        groups.push_back({dns::wire::to_wire(forward.suffix), forward.upstreams});
    }
    return groups;
}

Upstreams::Upstreams(boost::asio::io_context& context, std::vector<conf::SocketAddress> listening,
                     Resolve resolve, Apply apply)
    : listening_(std::move(listening)), resolve_(std::move(resolve)), apply_(std::move(apply)),
      again_(context) {}

std::vector<std::string> Upstreams::configure(std::vector<UpstreamGroup> groups,
                                              std::string resolv_conf) {
    configured_ = std::move(groups);
    resolv_conf_ = std::move(resolv_conf);
    std::vector<std::string> warnings;
    if (reads_resolv_conf()) warnings = read_resolv_conf();
    const auto left_out = choose();
    warnings.insert(warnings.end(), left_out.begin(), left_out.end());
    resolve_hosts();
    return warnings;
}

std::vector<const conf::Upstream*> Upstreams::all_configured() const {
    std::vector<const conf::Upstream*> all;
    const auto add = [&all](const std::vector<conf::Upstream>& upstreams) {
        for (const conf::Upstream& upstream : upstreams) all.push_back(&upstream);
    };
    for (const UpstreamGroup& group : configured_) {
        add(group.upstreams);
        for (const auto& alternative : group.alternatives) add(alternative.upstreams);
    }
    return all;
}

bool Upstreams::reads_resolv_conf() const {
    const auto all = all_configured();
    return std::any_of(all.begin(), all.end(), [](const conf::Upstream* upstream) {
        return std::holds_alternative<conf::ResolvConfUpstreams>(*upstream);
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

std::vector<conf::SocketAddress>
Upstreams::candidates(const std::vector<conf::Upstream>& upstreams) const {
    std::vector<conf::SocketAddress> all;
    for (const conf::Upstream& upstream : upstreams) {
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
    OthersOnly others{listening_};
    std::vector<dns::forward::Route> routes;
    for (const UpstreamGroup& group : configured_) {
        dns::forward::Route& route = routes.emplace_back();
        route.suffix = group.suffix;
        route.order = group.order;
        route.upstreams = others.of(candidates(group.upstreams));
        for (const auto& alternative : group.alternatives) {
            route.alternatives.push_back(
                {alternative.on, others.of(candidates(alternative.upstreams))});
        }
    }
    routes_ = std::move(routes);
    apply_(routes_);
    return others.take_lines();
}

std::set<std::string> Upstreams::hosts() const {
    std::set<std::string> names;
    for (const conf::Upstream* upstream : all_configured()) {
        if (const auto* host = std::get_if<conf::HostUpstream>(upstream)) names.insert(host->host);
    }
    return names;
}

void Upstreams::resolve_hosts() {
    bool all_known = true;
    const auto names = hosts();
    for (const std::string& host : names) {
        all_known = all_known && hosts_.contains(host);
        resolve_(host, resolv_conf_, [this, name = host](const HostAnswer& found) {
            if (stopped_ || found.addresses.empty()) return;
            auto& known = hosts_[name];
            if (known == found.addresses) return;
            known = found.addresses;
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
