#include "src/meshgate-redirect/probing/planned_probe.h"

#include "netfilter/plan/summary.h"
#include "src/meshgate-redirect/kernel_address.h"

#include <algorithm>
#include <array>
#include <set>

namespace meshgate::redirect {
namespace {

using namespace netfilter;
using conf::IpAddress;

constexpr Port dns_port_number = 53;
constexpr std::size_t max_each = 4;  ///< of a list of users, servers or networks

/// Envoy's inbound passthrough binds to it.
IpAddress passthrough_source(Family family) {
    return *IpAddress::parse(family == Family::ipv4 ? "127.0.0.6" : "::6");
}

bool names(const Ruleset& rules, Uid user) {
    const auto in = [user](const auto& ranges) {
        return std::ranges::any_of(ranges, [user](const auto& range) {
            return range.first <= user && user <= range.last;
        });
    };
    const bool in_sets = std::ranges::any_of(rules.sets, [&in](const Set& set) {
        const auto* users = std::get_if<UidElements>(&set.elements);
        const auto* groups = std::get_if<GidElements>(&set.elements);
        return (users != nullptr && in(*users)) || (groups != nullptr && in(*groups));
    });
    if (in_sets) return true;
    for (const Chain& chain : rules.chains) {
        for (const Rule& rule : chain.rules) {
            for (const Match& match : rule.matches) {
                const auto* skuid = std::get_if<MatchSkuid>(&match);
                if (skuid != nullptr && skuid->users == std::variant<Uid, SetRef>{user}) return true;
            }
        }
    }
    return false;
}

template <class Value>
std::vector<Value> first_few(const std::vector<Value>& list) {
    return {list.begin(), list.begin() + static_cast<std::ptrdiff_t>(std::min(list.size(), max_each))};
}

class Planner {
public:
    Planner(const Ruleset& rules, const conf::Config& config, const Host& host,
            const ProbeGround& ground)
        : rules_(rules), config_(config), host_(host), ground_(ground), summary_(summarize(rules)),
          application_(application_user(rules)), proxy_(host.proxy_users.front()) {}

    PlannedProbes run() {
        for (const Family family : summary_.families) {
            if (ground_.here.contains(family)) {
                plan(family);
            } else {
                probes_.left_out.push_back(
                    std::string{family == Family::ipv4 ? "IPv4" : "IPv6"} +
                    ": it is off, or its ranges for documentation are in use here");
            }
        }
        return std::move(probes_);
    }

private:
    void plan(Family family) {
        family_ = family;
        here_ = ground_.here.at(family);
        there_ = ground_.there.at(family);
        port_ = port_that(
            [this](Port port) { return expected(leaving(there_, port, application_)).has_value(); });
        plan_outbound();
        plan_within();
        plan_inbound();
        for (const auto& client : ground_.clients) {
            if (client.address.family() == family_) plan_client(client);
        }
        plan_dns();
    }

    // --- packets ---------------------------------------------------------------------------------

    [[nodiscard]] Packet leaving(const IpAddress& to, Port port, Uid user,
                                 Protocol protocol = Protocol::tcp) const {
        Packet packet;
        packet.hook = Hook::output;
        packet.protocol = protocol;
        packet.source = here_;
        packet.destination = to;
        packet.dport = port;
        packet.uid = user;
        packet.gid = user;  // the group of the same number, see socket_of()
        packet.interface = ground_.interface;
        return packet;
    }

    [[nodiscard]] Packet staying(const IpAddress& to, Port port, Uid user,
                                 Protocol protocol = Protocol::tcp) const {
        Packet packet = leaving(to, port, user, protocol);
        packet.interface = "lo";
        packet.is_loopback = true;
        packet.to_this_host = ground_.is_local(to);
        packet.source = packet.to_this_host ? to : localhost(family_);
        return packet;
    }

    [[nodiscard]] Packet arriving(Port port) const {
        Packet packet = leaving(here_, port, 0);
        packet.hook = Hook::prerouting;
        packet.uid.reset();
        packet.gid.reset();
        packet.source = there_;
        packet.to_this_host = true;
        return packet;
    }

    [[nodiscard]] Packet passing(const ProbeClient& client, const IpAddress& to, Port port,
                                 Protocol protocol = Protocol::tcp) const {
        Packet packet = arriving(port);
        packet.protocol = protocol;
        packet.source = client.address;
        packet.destination = to;
        packet.interface = client.interface;
        packet.to_this_host = ground_.is_local(to);
        return packet;
    }

    [[nodiscard]] std::optional<Port> expected(const Packet& packet) const {
        return evaluate(rules_, packet).redirected_to;
    }

    /// The first port that is captured; where none is, any.
    template <class IsCaptured>
    [[nodiscard]] Port port_that(IsCaptured is_captured) const {
        std::vector<Port> ports{7080, 80, 8080, 443};
        const auto& redirect = config_.redirect;
        for (const auto* list : {&redirect.outbound.include_ports, &redirect.inbound.include_ports}) {
            for (const auto& range : *list) ports.push_back(range.first);
        }
        const auto found = std::ranges::find_if(ports, is_captured);
        return found == ports.end() ? ports.front() : *found;
    }

    PlannedProbe& add(std::string who, Packet packet) {
        const auto outcome = evaluate(rules_, packet);
        PlannedProbe probe;
        probe.who = std::move(who);
        probe.packet = std::move(packet);
        probe.redirected_to = outcome.redirected_to;
        probe.zone = outcome.zone;
        probes_.list.push_back(std::move(probe));
        return probes_.list.back();
    }

    // --- paths -----------------------------------------------------------------------------------

    void plan_outbound() {
        add("an application", leaving(there_, port_, application_));
        add("an application", leaving(there_, port_, application_, Protocol::udp));
        if (config_.proxy.enabled) {
            for (const Uid user : first_few(host_.proxy_users)) {
                add("the proxy", leaving(there_, port_, user));
            }
        }
        for (const auto* users : {&host_.resolver_users, &host_.exempt_users}) {
            for (const auto& range : first_few(*users)) {
                add("an exempt user", leaving(there_, port_, range.first));
            }
        }
        const auto& excluded = config_.redirect.outbound;
        if (!excluded.exclude_ports.empty()) {
            add("an application", leaving(there_, excluded.exclude_ports[0].first, application_));
        }
        std::size_t count = 0;
        for (const auto& network : excluded.exclude_destinations) {
            const bool counts = network.base.family() == family_ && !network.base.is_loopback() &&
                                !network.base.is_unspecified() && !network.base.is_link_local() &&
                                !ground_.is_local(network.base);
            if (!counts || ++count > max_each) continue;
            add("an application", leaving(network.base, port_, application_)).is_led_there = true;
        }
        plan_vips();
    }

    void plan_vips() {
        std::vector<Cidr> ranges;
        if (family_ == Family::ipv4) ranges = conf::vip_ranges4(config_);
        if (family_ == Family::ipv6 && config_.vip.ipv6) ranges = {*config_.vip.ipv6};
        for (const auto& range : ranges) {
            const auto vip = family_ == Family::ipv4 ? last_host(range) : range.last();
            if (ground_.leaves_by_loopback(vip)) {
                add("an application", staying(vip, port_, application_));
            } else {  // another route, which may lead to somebody
                add("an application", leaving(vip, port_, application_)).is_led_there = true;
            }
        }
    }

    /// VIPs are given from the first on: a proxy has no listener for the last, and nobody in the
    /// mesh gets the probe. 255.255.255.255 is none.
    static IpAddress last_host(const Cidr& range) {
        std::array<std::uint8_t, 4> bytes{};
        std::ranges::copy(range.last().bytes(), bytes.begin());
        if (range.prefix < 32) --bytes[3];
        return IpAddress::ipv4(bytes);
    }

    void plan_within() {
        add("an application", staying(here_, port_, application_));
        if (!config_.proxy.enabled) return;
        for (const Uid user : first_few(host_.proxy_users)) {
            add("the proxy", staying(here_, port_, user));
        }
        add("the proxy", staying(localhost(family_), port_, proxy_));
        const auto passthrough = passthrough_source(family_);
        if (!ground_.is_local(passthrough)) return;
        auto packet = staying(here_, port_, proxy_);
        packet.source = passthrough;
        add("the proxy, for somebody outside", packet).bind_source = true;
    }

    void plan_inbound() {
        const Port port =
            port_that([this](Port each) { return expected(arriving(each)).has_value(); });
        add("somebody outside", arriving(port));
        const auto& excluded = config_.redirect.inbound.exclude_ports;
        if (!excluded.empty()) add("somebody outside", arriving(excluded[0].first));
    }

    void plan_client(const ProbeClient& client) {
        const auto who = "a client behind " + client.interface;
        const auto send = [&](const Packet& packet) -> PlannedProbe& {
            auto& probe = add(who, packet);
            probe.client_of = client.interface;
            return probe;
        };
        const Port port = port_that([&](Port each) {
            return expected(passing(client, there_, each)).has_value();
        });
        send(passing(client, there_, port));
        send(passing(client, there_, port, Protocol::udp));
        const auto& excluded = config_.redirect.outbound.exclude_ports;
        if (!excluded.empty()) send(passing(client, there_, excluded[0].first));
        send(passing(client, client.here, port));
        for (const Protocol protocol : {Protocol::udp, Protocol::tcp}) {
            send(passing(client, there_, dns_port_number, protocol)).speaks_dns = true;
        }
        const auto question = passing(client, there_, dns_port_number, Protocol::udp);
        const auto name = name_to_ask();
        if (name.empty() || !expected(question)) return;
        auto& probe = send(question);
        probe.speaks_dns = true;
        probe.name = name;
    }

    void plan_dns() {
        for (const Protocol protocol : {Protocol::udp, Protocol::tcp}) {
            ask(there_, application_, "an application", protocol);
            if (config_.proxy.enabled) ask(there_, proxy_, "the proxy", protocol);
            if (!summary_.dns) continue;
            for (const auto& server : servers()) {
                ask(server, application_, "an application", protocol);
                if (config_.proxy.enabled && !ground_.is_local(server)) {
                    ask(server, proxy_, "the proxy", protocol);
                }
            }
        }
        plan_name();
    }

    [[nodiscard]] std::vector<IpAddress> servers() const {
        std::vector<IpAddress> list;
        for (const auto& server : host_.nameservers) {
            if (server.address.family() != family_ || !server.scope.empty()) continue;
            if (list.size() < max_each) list.push_back(server.address);
        }
        return list;
    }

    PlannedProbe* ask(const IpAddress& server, Uid user, const std::string& who,
                      Protocol protocol) {
        const bool local = ground_.is_local(server);
        const auto packet = local ? staying(server, dns_port_number, user, protocol)
                                  : leaving(server, dns_port_number, user, protocol);
        // What goes straight to a resolver of this machine is its own affair.
        if (local && !expected(packet)) return nullptr;
        auto& probe = add(who, packet);
        probe.speaks_dns = true;
        probe.is_led_there = !local && server != there_;
        return &probe;
    }

    /// One of the mesh that the configuration has; empty where it has none.
    [[nodiscard]] std::string name_to_ask() const {
        const auto plain = std::ranges::find(config_.services, conf::ServiceKind::service,
                                             &conf::Service::kind);
        if (!summary_.dns || plain == config_.services.end()) return "";
        return plain->name + "." + config_.mesh.domains.front();
    }

    void plan_name() {
        const auto name = name_to_ask();
        if (name.empty()) return;
        auto asked = servers();
        asked.insert(asked.begin(), there_);
        for (const auto& server : asked) {
            auto* probe = ask(server, application_, "an application", Protocol::udp);
            if (probe == nullptr) continue;
            if (!probe->redirected_to) {
                probes_.list.pop_back();
                continue;
            }
            probe->name = name;
            return;
        }
    }

    const Ruleset& rules_;
    const conf::Config& config_;
    const Host& host_;
    const ProbeGround& ground_;
    Summary summary_;
    Uid application_;
    Uid proxy_;
    Family family_ = Family::ipv4;
    IpAddress here_, there_;
    Port port_ = 0;
    PlannedProbes probes_;
};

}  // namespace

conf::Uid application_user(const Ruleset& rules) {
    constexpr Uid nobody = 65534, last = 70000;
    for (Uid user = nobody; user < last; ++user) {
        if (!names(rules, user)) return user;
    }
    return nobody;
}

PlannedProbes plan_probes(const Ruleset& rules, const conf::Config& config, const Host& host,
                          const ProbeGround& ground) {
    return Planner{rules, config, host, ground}.run();
}

std::string to_text(const PlannedProbe& probe) {
    const auto& packet = probe.packet;
    std::string text = probe.speaks_dns ? "DNS over " : "";
    text += packet.protocol == Protocol::tcp ? "TCP" : "UDP";
    if (!probe.name.empty()) text += " for " + probe.name;
    text += " from " + probe.who;
    if (packet.uid) text += " (user " + std::to_string(*packet.uid) + ")";
    text += " to " + conf::SocketAddress{packet.destination, packet.dport, ""}.to_string();
    return text;
}

}  // namespace meshgate::redirect
