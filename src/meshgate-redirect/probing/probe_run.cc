#include "src/meshgate-redirect/probing/probe_run.h"

#include "netfilter/conntrack/conntrack.h"
#include "netfilter/nftnl/route_netlink.h"
#include "src/meshgate-redirect/interfaces.h"
#include "src/meshgate-redirect/probing/probe_listeners.h"
#include "src/meshgate-redirect/probing/probe_sender.h"

#include <linux/rtnetlink.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <system_error>

namespace meshgate::redirect {
namespace {

using netfilter::Protocol;
using Clock = std::chrono::steady_clock;

/// For what is silent: a SYN that is lost is sent again after a second.
constexpr std::chrono::milliseconds probe_patience{2000};
/// For the rest, once something is wrong anyway.
constexpr std::chrono::milliseconds probe_patience_if_wrong{200};
constexpr std::size_t max_probes = 200;

ProbeGround ground_of(const ProbeSite& site) {
    ProbeGround ground;
    ground.interface = site.interface();
    for (const auto family : {conf::Family::ipv4, conf::Family::ipv6}) {
        if (const auto ends = site.ends(family)) {
            ground.here[family] = ends->here;
            ground.there[family] = ends->there;
        }
    }
    ground.is_local = [addresses = LocalAddresses{}](const conf::IpAddress& address) {
        return addresses.contain(address);
    };
    ground.leaves_by_loopback = [](const conf::IpAddress& address) {
        const auto route = netfilter::RouteNetlink{}.lookup(address);
        return route && route->type == RTN_UNICAST &&
               route->interface == netfilter::loopback_index;
    };
    return ground;
}

std::string port_words(std::optional<conf::Port> port) {
    return port ? "port " + std::to_string(*port) : "straight";
}

/// A proxy that gets a connection for somebody else's address passes it on.
void keep_in(const std::vector<PlannedProbe>& probes, const std::vector<conf::Uid>& proxy_users,
             ProbeSite& site) {
    for (const auto& probe : probes) {
        const auto& packet = probe.packet;
        if (!probe.is_led_there || packet.protocol != Protocol::tcp) continue;
        for (const auto user : proxy_users) {
            site.lead_there({packet.destination, packet.dport, ""}, user);
        }
    }
}

struct Flow {
    Protocol protocol;
    netfilter::Tuple tuple;
};

class Run {
public:
    Run(const PlannedProbes& probes, const netfilter::Summary& summary,
        const std::vector<conf::Uid>& proxy_users, const std::vector<ProbeClient>& clients,
        ProbePlaces places)
        : planned_(probes.list),
          listeners_(probes, summary, proxy_users.front(), clients, places.site) {
        keep_in(planned_, proxy_users, places.site);
        for (std::size_t i = 0; i < std::min(planned_.size(), max_probes); ++i) {
            senders_.emplace_back(i, planned_[i], places);
        }
    }

    std::vector<ProbeResult> results() {
        auto deadline = Clock::now() + probe_patience;
        while (!all_are_settled()) {
            if (something_is_wrong()) {
                deadline = std::min(deadline, first_wrong_ + probe_patience_if_wrong);
            }
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
            if (left.count() <= 0) break;
            turn(static_cast<int>(left.count()));
        }
        std::vector<ProbeResult> list;
        for (std::size_t i = 0; i < senders_.size(); ++i) list.push_back(judge(i));
        return list;
    }

    /// What conntrack may know them by. @param there  who answers what was led there
    std::vector<Flow> flows(const std::map<conf::Family, conf::IpAddress>& there) const {
        std::vector<Flow> list;
        for (std::size_t i = 0; i < senders_.size(); ++i) {
            if (senders_[i].descriptor() < 0) continue;
            const auto& probe = planned_[i];
            const auto tuple = senders_[i].tuple();
            list.push_back({probe.packet.protocol, tuple});
            if (!probe.is_led_there) continue;
            list.push_back({probe.packet.protocol,
                            {.source = there.at(tuple.source.family()),
                             .destination = tuple.source,
                             .sport = tuple.dport,
                             .dport = tuple.sport,
                             .zone = 0}});
        }
        return list;
    }

private:
    void turn(int milliseconds) {
        std::vector<pollfd> list;
        for (const auto& sender : senders_) {
            if (sender.descriptor() < 0 || (sender.error() != 0 && !sender.waits_to_connect())) {
                continue;
            }
            const auto events = static_cast<short>(sender.waits_to_connect() ? POLLOUT : POLLIN);
            // A connection that was ended at the other end would be ready for ever.
            if (sender.is_over()) continue;
            list.push_back({sender.descriptor(), events, 0});
        }
        listeners_.add_to(list);
        if (::poll(list.data(), list.size(), milliseconds) <= 0) return;
        for (const auto& one : list) {
            if (one.revents == 0 || listeners_.serve(one.fd, arrivals_)) continue;
            const auto sender = std::ranges::find(senders_, one.fd, &ProbeSender::descriptor);
            if (sender != senders_.end()) sender->go_on();
        }
    }

    bool all_are_settled() {
        for (std::size_t i = 0; i < senders_.size(); ++i) {
            if (!is_settled(i)) return false;
        }
        return true;
    }

    /// Known for certain before the time is over.
    bool something_is_wrong() {
        if (first_wrong_ != Clock::time_point{}) return true;
        for (std::size_t i = 0; i < senders_.size(); ++i) {
            if (is_settled(i) && judge(i).verdict == ProbeResult::Verdict::wrong) {
                first_wrong_ = Clock::now();
                return true;
            }
        }
        return false;
    }

    bool is_settled(std::size_t number) {
        const auto& sender = senders_[number];
        const auto& probe = planned_[number];
        if (sender.error() != 0) return true;
        if (sender.waits_to_connect()) return false;
        if (probe.speaks_dns && probe.redirected_to) return sender.is_answered();
        if (arrivals_.contains(number)) return true;
        // A program of this machine need not answer what it does not understand.
        return probe.packet.protocol == Protocol::tcp && is_with_a_stranger(number);
    }

    bool is_with_a_stranger(std::size_t number) {
        const auto connection = tracked(number);
        return connection && !listeners_.is_ours(connection->reply.source, connection->reply.sport,
                                                 connection->protocol);
    }

    std::optional<netfilter::Connection> tracked(std::size_t number) {
        if (!conntrack_ || senders_[number].descriptor() < 0) return std::nullopt;
        try {
            return conntrack_->find(planned_[number].packet.protocol, senders_[number].tuple());
        } catch (const std::system_error&) {
            conntrack_.reset();  // no ctnetlink: the listeners know the most of it
            return std::nullopt;
        }
    }

    /// Where it came out: conntrack knows it of whoever listens there.
    std::optional<Arrival> arrival_of(std::size_t number) {
        if (const auto connection = tracked(number)) {
            if (!is_redirected(*connection)) return Arrival{};
            return Arrival{connection->reply.sport};
        }
        const auto found = arrivals_.find(number);
        return found == arrivals_.end() ? std::nullopt : std::optional{found->second};
    }

    ProbeResult judge(std::size_t number) {
        const auto& probe = planned_[number];
        const auto& sender = senders_[number];
        ProbeResult result;
        result.probe = to_text(probe);
        result.wanted = port_words(probe.redirected_to);
        const auto arrival = arrival_of(number);
        const bool tcp = probe.packet.protocol == Protocol::tcp;
        const bool heard = arrivals_.contains(number) || sender.is_answered() ||
                           (tcp && sender.is_connected());
        result.found = arrival ? port_words(arrival->redirected_to) : "nowhere";
        const bool as_planned = arrival && arrival->redirected_to == probe.redirected_to;
        const auto complaint = complaint_of(number, heard);
        if (!complaint.empty()) result.found += ", " + complaint;
        if (as_planned && complaint.empty()) {
            result.verdict = ProbeResult::Verdict::right;
        } else if (!arrival && probe.is_inbound() && !probe.redirected_to) {
            result.verdict = ProbeResult::Verdict::unknown;
        }
        return result;
    }

    [[nodiscard]] std::string complaint_of(std::size_t number, bool heard) const {
        const auto& probe = planned_[number];
        const auto& sender = senders_[number];
        if (!heard && sender.error() != 0) return std::strerror(sender.error());
        if (!heard) return "no answer";
        if (!probe.redirected_to || !probe.speaks_dns) return "";
        if (!sender.is_answered()) return "no answer";
        if (!sender.dns_answer()) return "an answer that is none of DNS";
        const bool by_ours = arrivals_.contains(number);
        if (probe.name.empty() || by_ours) return "";
        if (sender.dns_answer()->rcode != 0) {
            return "RCODE " + std::to_string(sender.dns_answer()->rcode);
        }
        return sender.dns_answer()->records == 0 ? "an answer without an address" : "";
    }

    const std::vector<PlannedProbe>& planned_;
    ProbeListeners listeners_;
    std::vector<ProbeSender> senders_;
    std::map<std::size_t, Arrival> arrivals_;
    Clock::time_point first_wrong_{};
    std::optional<netfilter::Conntrack> conntrack_{std::in_place};
};

/// Conntrack remembers a connection for a while, and a later one with the same ports would be taken
/// for it: it would go where that one went, whatever the rules say.
void forget(const std::vector<Flow>& flows) {
    try {
        netfilter::Conntrack conntrack;
        for (const auto& flow : flows) {
            if (const auto known = conntrack.find(flow.protocol, flow.tuple)) {
                conntrack.remove(*known);
            }
        }
    } catch (const std::system_error&) {  // a kernel that cannot; they end by themselves
    }
}

/// All but what is left behind.
ProbeReport send_probes(const netfilter::Ruleset& rules, const conf::Config& config,
                        const netfilter::Host& host,
                        std::vector<Flow>& sent) {
    ProbeSite site;
    const auto summary = summarize(rules);
    auto clients = find_clients(config.redirect, summary.families, interface_addresses(),
                                interface_state());
    ClientSites client_sites{clients, site};
    auto ground = ground_of(site);
    ground.clients = clients.clients;
    const auto planned = plan_probes(rules, config, host, ground);
    ProbeReport report;
    report.left_out = planned.left_out;
    std::ranges::move(clients.left_out, std::back_inserter(report.left_out));
    Run run{planned, summary, host.proxy_users, ground.clients, {site, client_sites}};
    report.results = run.results();
    sent = run.flows(ground.there);
    return report;
}

}  // namespace

ProbeReport probe_policy(const netfilter::Ruleset& rules, const conf::Config& config,
                         const netfilter::Host& host) {
    std::vector<Flow> sent;
    auto report = send_probes(rules, config, host, sent);
    forget(sent);  // no packet of theirs is on its way any more: the site is gone
    return report;
}

}  // namespace meshgate::redirect
