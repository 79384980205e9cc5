#include "netfilter/nftnl/rule_words.h"
#include "netfilter/nftnl/tracer.h"
#include "src/common/command_line.h"
#include "src/common/errors.h"
#include "src/meshgate-redirect/interfaces.h"
#include "src/meshgate-redirect/kernel_address.h"
#include "src/meshgate-redirect/probing/probe_messages.h"
#include "src/meshgate-redirect/probing/probe_site.h"
#include "src/meshgate-redirect/probing/probe_sockets.h"
#include "src/meshgate-redirect/tracing/traced_steps.h"
#include "src/users/users.h"

#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <optional>

namespace meshgate::redirect {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds trace_patience{700};
constexpr std::chrono::milliseconds quiet_time{60};  ///< nothing more is told after that
constexpr std::size_t max_steps = 1000;

std::string traced_interface(std::uint32_t index) {
    std::array<char, IF_NAMESIZE> name{};
    if (index == 0) return "";
    return ::if_indextoname(index, name.data()) == nullptr ? std::to_string(index) : name.data();
}

/// The socket that sends, bound but not connected.
UniqueFd sending_socket(const Probe& probe, ProbeSite* site) {
    const auto family = probe.destination.family();
    if (site == nullptr) {
        const auto user = probe.user.value_or(::getuid());
        const auto entry = passwd_entry(user);
        const auto own_group = entry ? std::optional{entry->gid} : std::nullopt;
        auto socket = socket_of(user, family, probe.protocol,
                                probe.group ? probe.group : own_group);
        if (probe.mark != 0 && ::setsockopt(socket.get(), SOL_SOCKET, SO_MARK, &probe.mark,
                                            sizeof probe.mark) != 0) {
            throw_errno("mark the socket");
        }
        KernelAddress from{probe.from.value_or(any_address(family)), 0};
        if (::bind(socket.get(), from.raw(), from.bytes) != 0) throw_errno("bind");
        return socket;
    }
    return site->there().inside([&] {
        auto socket = socket_of(0, family, probe.protocol);
        const int on = 1;
        const bool ipv4 = family == conf::Family::ipv4;
        static_cast<void>(::setsockopt(socket.get(), ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                                       ipv4 ? IP_FREEBIND : IPV6_FREEBIND, &on, sizeof on));
        KernelAddress from{probe.from.value_or(site->ends(family)->there), 0};
        if (::bind(socket.get(), from.raw(), from.bytes) != 0) throw_errno("bind");
        return socket;
    });
}

void send_first(const UniqueFd& socket, const Probe& probe) {
    KernelAddress to{probe.destination, probe.port};
    if (::connect(socket.get(), to.raw(), to.bytes) != 0 && errno != EINPROGRESS) {
        throw_errno("connect");
    }
    if (probe.protocol == conf::Protocol::tcp) return;
    const auto message = probe_message(0, probe.port == 53, probe.protocol, "");
    if (::send(socket.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
        throw_errno("send");
    }
}

/// What became of it; empty while nobody knows.
std::string end_of(const UniqueFd& socket, short events) {
    if (events == 0) return "";
    int error = 0;
    socklen_t bytes = sizeof error;
    static_cast<void>(::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &bytes));
    if (error != 0) return std::strerror(error);
    return (events & POLLOUT) != 0 ? "connected" : "answered";
}

TracedStep step_of(netfilter::TraceEvent event) {
    TracedStep step;
    step.in = traced_interface(event.in);
    step.out = traced_interface(event.out);
    if (event.kind == netfilter::TraceEvent::Kind::rule) {
        if (auto words =
                netfilter::words_of_rule(event.family, event.table, event.chain, event.rule)) {
            step.text = std::move(words->text);
            step.comment = std::move(words->comment);
        }
    }
    step.event = std::move(event);
    return step;
}

void listen_to(netfilter::PacketTracer& tracer, const UniqueFd& socket, bool tcp, TracedWay& way) {
    const auto deadline = Clock::now() + trace_patience;
    std::vector<netfilter::TraceEvent> events;
    auto last = Clock::now();
    while (events.size() < max_steps && Clock::now() < deadline) {
        const bool is_over = !way.end.empty();
        if (is_over && Clock::now() - last > quiet_time) break;
        std::array<pollfd, 2> list{
            {{tracer.descriptor(), POLLIN, 0},
             {is_over ? -1 : socket.get(), static_cast<short>(tcp ? POLLOUT : POLLIN), 0}}};
        if (::poll(list.data(), list.size(), static_cast<int>(quiet_time.count())) < 0) continue;
        if (list[1].revents != 0) {
            way.end = end_of(socket, list[1].revents);
            last = Clock::now();
        }
        auto more = tracer.take();
        if (!more.empty()) last = Clock::now();
        std::ranges::move(more, std::back_inserter(events));
    }
    if (way.end.empty()) way.end = "no answer";
    for (auto& event : events) {
        // A chain whose last rule did not match ends with a step of no rule.
        const bool is_none = event.kind == netfilter::TraceEvent::Kind::rule && event.rule == 0;
        if (event.table == netfilter::trace_table || is_none) continue;
        way.steps.push_back(step_of(std::move(event)));
    }
}

/// What arrives comes by the site, whatever its source; what is answered goes back there.
void lead_back(ProbeSite& site, const Probe& probe, const UniqueFd& socket) {
    const auto family = probe.destination.family();
    site.answer(probe.destination);
    site.lead_there(family, probe.protocol, local_address(socket).port());
}

}  // namespace

TracedWay follow(const Probe& probe) {
    std::optional<ProbeSite> site;
    if (probe.inbound) {
        if (!is_of_this_machine(probe.destination) || probe.destination.is_loopback()) {
            throw UsageError("--trace --inbound: " + probe.destination.to_string() +
                             " is no address of this machine that others can reach");
        }
        site.emplace();
        if (!site->ends(probe.destination.family())) {
            throw UsageError("--trace --inbound: that family is off here, or the addresses for "
                             "documentation are in use");
        }
    }
    const auto socket = sending_socket(probe, site ? &*site : nullptr);
    if (site) lead_back(*site, probe, socket);
    TracedWay way;
    // A socket that is not bound to an address gets the one that route() says.
    const auto bound = local_address(socket).address();
    way.sent = {.source = bound.is_unspecified() ? route(probe).packet.source : bound,
                .destination = probe.destination,
                .protocol = probe.protocol,
                .sport = local_address(socket).port(),
                .dport = probe.port};
    netfilter::PacketTracer tracer{way.sent};
    send_first(socket, probe);
    listen_to(tracer, socket, probe.protocol == conf::Protocol::tcp, way);
    return way;
}

}  // namespace meshgate::redirect
