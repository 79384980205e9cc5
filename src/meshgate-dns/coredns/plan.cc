#include "src/meshgate-dns/coredns/plan.h"

#include "src/meshgate-dns/coredns/routes.h"
#include "src/meshgate-dns/coredns/rules.h"

#include <algorithm>
#include <utility>

namespace meshgate::coredns {
namespace {

using conf::corefile::Corefile;
using conf::corefile::HttpAt;
using conf::corefile::ServerBlock;
using dns::server::ReplyClass;

/// Blocks that listen on the same addresses.
struct PortBlocks {
    std::vector<std::string> bind;  ///< sorted
    conf::Port port = 0;
    std::vector<ZoneOf> zones;
};

std::vector<PortBlocks> by_port(const Corefile& file) {
    std::map<std::pair<conf::Port, std::vector<std::string>>, PortBlocks> ports;
    for (const ServerBlock& block : file.blocks) {
        auto bind = block.bind;
        std::sort(bind.begin(), bind.end());
        bind.erase(std::unique(bind.begin(), bind.end()), bind.end());
        for (const ServerBlock::Key& key : block.keys) {
            PortBlocks& port = ports[{key.port, bind}];
            port.bind = bind;
            port.port = key.port;
            port.zones.push_back({key.zone, &block});
        }
    }
    std::vector<PortBlocks> all;
    for (auto& [key, port] : ports) all.push_back(std::move(port));
    return all;
}

std::vector<conf::Listen> listen_on(const PortBlocks& port) {
    std::vector<conf::Listen> listen;
    for (const std::string& word : port.bind) {
        if (const auto address = conf::IpAddress::parse(word)) {
            listen.emplace_back(conf::SocketAddress{*address, port.port, ""});
        } else {
            listen.emplace_back(conf::InterfacePort{word, port.port});
        }
    }
    if (!listen.empty()) return listen;
    for (const char* every : {"0.0.0.0", "::"}) {
        listen.emplace_back(
            conf::SocketAddress{conf::IpAddress::parse(every).value(), port.port, ""});
    }
    return listen;
}

dns::server::ReplyClasses to_classes(const conf::corefile::LogClasses& from) {
    unsigned classes = 0;
    if (from.success) classes |= static_cast<unsigned>(ReplyClass::success);
    if (from.denial) classes |= static_cast<unsigned>(ReplyClass::denial);
    if (from.error) classes |= static_cast<unsigned>(ReplyClass::error);
    return static_cast<dns::server::ReplyClasses>(classes);
}

void add_plugins(const ServerBlock& block, std::set<std::string>& to) {
    const auto add = [&to](bool there, const char* name) {
        if (there) to.emplace(name);
    };
    add(!block.forwards.empty(), "forward");
    add(!block.alternates.empty(), "alternate");
    add(!block.templates.empty(), "template");
    add(block.hosts.has_value(), "hosts");
    add(block.cache.has_value(), "cache");
    add(!block.bind.empty(), "bind");
    add(block.prometheus.has_value(), "prometheus");
    add(block.errors, "errors");
    add(block.log.has_value(), "log");
    add(block.reload, "reload");
    add(block.health.has_value(), "health");
    add(block.ready.has_value(), "ready");
}

/// What a block says of its whole port.
void add_block(const ServerBlock& block, PortPlan& to) {
    if (block.hosts) to.hosts.push_back(*block.hosts);
    if (block.cache) {
        to.ttl_max.positive = std::max(to.ttl_max.positive, block.cache->success_ttl_max);
        to.ttl_max.negative = std::max(to.ttl_max.negative, block.cache->denial_ttl_max);
    }
    if (block.log) {
        to.log.format = block.log->format;
        to.log.classes = to_classes(block.log->classes);
    }
    to.log.errors = to.log.errors || block.errors;
    add_plugins(block, to.plugins);
}

PortPlan make_port(PortBlocks& blocks) {
    std::stable_sort(blocks.zones.begin(), blocks.zones.end(),
                     [](const auto& a, const auto& b) { return a.zone.size() > b.zone.size(); });
    PortPlan port;
    port.listen = listen_on(blocks);
    port.bound = !blocks.bind.empty();
    port.server =
        "dns://" + (port.bound ? blocks.bind.front() : "") + ":" + std::to_string(blocks.port);
    port.zone = blocks.zones.back().zone + ".";
    port.groups = make_groups(blocks.zones);
    port.fixed = make_rules(blocks.zones);
    std::set<const ServerBlock*> seen;
    for (const ZoneOf& zone : blocks.zones) {
        if (seen.insert(zone.block).second) add_block(*zone.block, port);
    }
    return port;
}

void add_http(const ServerBlock& block, std::map<conf::SocketAddress, HttpPlan>& to) {
    const auto add = [&to](const std::optional<HttpAt>& at, bool HttpPlan::*what) {
        if (!at) return;
        for (const auto& address : at->addresses) to[address].*what = true;
    };
    add(block.prometheus, &HttpPlan::metrics);
    add(block.health, &HttpPlan::health);
    add(block.ready, &HttpPlan::ready);
}

}  // namespace

Plan make_plan(const Corefile& file) {
    Plan plan;
    for (PortBlocks& port : by_port(file)) plan.ports.push_back(make_port(port));
    for (const ServerBlock& block : file.blocks) {
        add_http(block, plan.http);
        plan.reload = plan.reload || block.reload;
    }
    plan.resolv_conf = file.resolv_conf;
    for (const auto& warning : file.warnings) plan.warnings.push_back(warning.to_string());
    return plan;
}

}  // namespace meshgate::coredns
