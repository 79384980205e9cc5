#pragma once

#include "netfilter/plan/vips.h"
#include "src/common/log.h"
#include "src/health/watcher.h"
#include "src/meshgate-redirect/setup.h"
#include "src/resolver/host_resolver.h"
#include "src/resolver/name_follower.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace meshgate::redirect {

/// What an endpoint is to its service at the moment.
struct EndpointState {
    std::string service;
    conf::SocketAddress endpoint;
    bool is_checked = false;  ///< its service has a check
    bool is_alive = true;
    bool is_used = true;  ///< connections go to it
    std::string reason;   ///< why it is not alive
};

/// Watches the endpoints of VIPs that the kernel translates: those with a check by checking them,
/// those that are named by a host by looking it up. What changes goes to the kernel as elements of
/// the maps.
class EndpointWatch {
public:
    /// Makes ports of VIPs what the updates say. @return false when it cannot be done now: it is
    /// tried again. Throws nothing.
    using Apply = std::function<bool(const std::vector<netfilter::VipUpdate>& updates)>;
    /// That endpoint of these VIPs died, or its name has it no more: what the kernel remembers of it
    /// is to be forgotten.
    /// @param cut  its open connections are to end
    using Died = std::function<void(const std::vector<conf::IpAddress>& vips,
                                    const conf::SocketAddress& endpoint, bool cut)>;

    EndpointWatch(boost::asio::io_context& context, Apply apply, Died died);
    ~EndpointWatch();
    EndpointWatch(const EndpointWatch&) = delete;
    EndpointWatch& operator=(const EndpointWatch&) = delete;

    /// The plan of `setup` is in force.
    /// @param installation  another number than before when its elements are new in the kernel
    void follow(const Setup& setup, std::uint64_t installation);
    /// Nothing is in force.
    void stop();

    /// At most so many; `left_out` is how many there are beside.
    [[nodiscard]] std::vector<EndpointState> states(std::size_t most, std::size_t& left_out) const;
    [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }

private:
    /// A service that has something to be watched.
    struct Watched {
        std::vector<netfilter::VipRoute> planned;  ///< with its endpoints that are addresses
        std::vector<conf::Endpoint> named;
        conf::MaybeHealthCheck check;
        [[nodiscard]] std::vector<conf::IpAddress> vips() const;
    };
    struct Death {
        std::vector<conf::IpAddress> vips;
        conf::SocketAddress endpoint;
        bool cut = false;
    };

    void take(const Setup& setup);
    void take_listed(const netfilter::Ruleset& ruleset);
    void check_again(const std::function<bool(const health::Target&)>& is_used);
    [[nodiscard]] bool has_all_names(const Watched& service) const;
    void on_health(const health::Watcher::Report& report);
    void on_name(const std::string& host);
    void change(const std::string& service);
    void apply();
    void find_lost(const std::string& name, const Watched& service);
    void tell_deaths();
    [[nodiscard]] netfilter::VipRoute current(const Watched& service,
                                              const netfilter::VipRoute& planned) const;
    [[nodiscard]] bool is_alive(const std::string& service,
                                const netfilter::VipEndpoint& endpoint) const;
    [[nodiscard]] std::vector<bool> used(const std::string& name, const Watched& service,
                                         const netfilter::VipRoute& route) const;

    Apply apply_;
    Died died_;
    HostResolver resolver_;
    std::string resolv_conf_;
    conf::Mark mark_ = 0;  ///< of the checks
    std::set<conf::IpAddress> vips_;           ///< which are no endpoints
    NameFollower names_;
    health::Watcher watcher_;
    Timer apply_timer_;
    std::map<std::string, Watched> services_;  ///< by their names
    std::set<std::string> changed_;            ///< whose elements are to be sent
    std::vector<std::pair<log::Level, std::string>> news_;  ///< of deaths and lives; said after that
    std::vector<Death> deaths_;                ///< to be told after that
    /// What the kernel has, or had last, of services with names.
    std::map<std::string, std::set<conf::SocketAddress>> listed_;
    std::optional<std::uint64_t> installation_;
    std::uint64_t changes_ = 0;
};

}  // namespace meshgate::redirect
