#include "src/meshgate-redirect/probing/probe_site.h"

#include "netfilter/nftnl/link_netlink.h"
#include "netfilter/nftnl/route_netlink.h"
#include "src/common/errors.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <span>
#include <thread>

namespace meshgate::redirect {
namespace {

using conf::Family;
using conf::IpAddress;
using netfilter::LinkNetlink;

struct Range {
    const char* here;
    const char* there;
};
// RFC 5737, RFC 3849. The first that nobody has a route to.
constexpr std::array ranges4{Range{"192.0.2.1", "192.0.2.2"}, Range{"198.51.100.1", "198.51.100.2"},
                             Range{"203.0.113.1", "203.0.113.2"}};
constexpr std::array ranges6{Range{"2001:db8:6d67::1", "2001:db8:6d67::2"},
                             Range{"2001:db8:6d68::1", "2001:db8:6d68::2"}};
constexpr std::uint8_t prefix4 = 30, prefix6 = 126;

constexpr const char* peer_name = "mgprobe";

/// Nothing but a default route leads there.
bool is_free(const IpAddress& address) {
    const auto route = netfilter::RouteNetlink{}.lookup(address);
    return !route || route->destination.prefix == 0;
}

std::optional<SiteEnds> free_ends(Family family) {
    const std::span<const Range> ranges = family == Family::ipv4 ? std::span<const Range>{ranges4}
                                                                 : std::span<const Range>{ranges6};
    for (const auto& range : ranges) {
        const SiteEnds ends{*IpAddress::parse(range.here), *IpAddress::parse(range.there)};
        if (is_free(ends.here) && is_free(ends.there)) return ends;
    }
    return std::nullopt;
}

/// The guardian: waits until nobody has the other end of the pipe, then tidies up.
[[noreturn]] void guard(int pipe, std::uint32_t table) {
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(number, SIG_IGN);
    static_cast<void>(::setsid());
    char byte = 0;
    while (::read(pipe, &byte, 1) < 0 && errno == EINTR) {
    }
    try {
        LinkNetlink{}.remove_rules(table);
        ::_exit(0);
    } catch (const std::exception&) {
        ::_exit(1);
    }
}

}  // namespace

void wait_until_running(const std::string& interface) {
    constexpr int most = 3000;
    constexpr std::chrono::milliseconds pause{1};
    for (int i = 0; i < most; ++i) {
        if (LinkNetlink{}.is_running(interface)) return;
        std::this_thread::sleep_for(pause);
    }
    throw_errno("interface " + interface, ETIMEDOUT);
}

void wait_until_local(const IpAddress& address) {
    constexpr int most = 1000;
    constexpr std::chrono::milliseconds pause{1};
    for (int i = 0; i < most; ++i) {
        const auto route = netfilter::RouteNetlink{}.lookup(address);
        if (route && route->type == RTN_LOCAL) return;
        std::this_thread::sleep_for(pause);
    }
    throw_errno("address " + address.to_string(), ETIMEDOUT);
}

std::uint32_t probe_table() {
    constexpr std::uint32_t base = 173U << 24;  // as the protocol number that marks what is ours
    return base + static_cast<std::uint32_t>(::getpid());
}

ProbeSite::ProbeSite() : interface_("mgprobe" + std::to_string(::getpid())) {
    connect();
}

ProbeSite::~ProbeSite() {
    guardian_pipe_.reset();
    while (guardian_ > 0 && ::waitpid(guardian_, nullptr, 0) < 0 && errno == EINTR) {
    }
    try {
        LinkNetlink{}.remove(interface_);  // at once; without it, soon
    } catch (const std::exception&) {
    }
}

void ProbeSite::connect() {
    there_.inside([] { LinkNetlink{}.set_up("lo"); });
    LinkNetlink{}.add_veth(interface_, peer_name, there_.descriptor());
    LinkNetlink{}.set_up(interface_);
    there_.inside([] {
        LinkNetlink{}.set_up(peer_name);
        wait_until_running(peer_name);
    });
    wait_until_running(interface_);
    for (const Family family : {Family::ipv4, Family::ipv6}) give_addresses(family);
}

void ProbeSite::give_addresses(Family family) {
    const auto ends = free_ends(family);
    if (!ends) return;
    const auto prefix = family == Family::ipv4 ? prefix4 : prefix6;
    if (LinkNetlink{}.add_address(interface_, ends->here, prefix) != 0) return;
    const int error = there_.inside([&] {
        LinkNetlink netlink;
        const int refused = netlink.add_address(peer_name, ends->there, prefix);
        if (refused == 0) wait_until_local(ends->there);
        if (refused == 0) netlink.take_all_addresses(family);
        return refused;
    });
    if (error != 0) return;
    wait_until_local(ends->here);
    ends_.emplace(family, *ends);
}

std::optional<SiteEnds> ProbeSite::ends(Family family) const {
    const auto found = ends_.find(family);
    return found == ends_.end() ? std::nullopt : std::optional{found->second};
}

void ProbeSite::start_guardian() {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw_errno("pipe");
    UniqueFd read_end{pipe[0]};
    guardian_pipe_ = UniqueFd{pipe[1]};
    const auto table = probe_table();
    guardian_ = ::fork();
    if (guardian_ < 0) throw_errno("fork");
    if (guardian_ != 0) return;
    ::close(guardian_pipe_.release());
    guard(read_end.get(), table);
}

void ProbeSite::prepare_to_lead() {
    if (guardian_ >= 0) return;
    start_guardian();
    for (const auto& [each, ends] : ends_) {
        LinkNetlink{}.add_default_route(interface_, ends.there, probe_table());
    }
}

void ProbeSite::lead_there(const conf::SocketAddress& to, conf::Uid user) {
    prepare_to_lead();
    LinkNetlink{}.add_rule({to.address, conf::Protocol::tcp, to.port, user}, probe_table());
}

void ProbeSite::answer(const conf::IpAddress& address) {
    const auto own = ends(address.family());
    if (!own) return;
    there_.inside([&] { LinkNetlink{}.add_host_route(address, own->here); });
}

void ProbeSite::lead_by(const std::string& interface, const conf::SocketAddress& to,
                        conf::Protocol protocol) {
    prepare_to_lead();
    LinkNetlink{}.add_route(to.address, interface, probe_table());
    LinkNetlink{}.add_rule({to.address, protocol, to.port, std::nullopt}, probe_table());
}

void ProbeSite::lead_there(Family family, conf::Protocol protocol, conf::Port source_port) {
    prepare_to_lead();
    LinkNetlink{}.add_rules({family, protocol, source_port}, probe_table());
}

}  // namespace meshgate::redirect
