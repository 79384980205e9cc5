#pragma once

#include "conf/config.h"
#include "dns/forward/route.h"
#include "src/common/timer.h"
#include "src/resolver/host_resolver.h"

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace meshgate::dnsd {

/// A dns::forward::Route as configured: its servers still in the configuration's words.
struct UpstreamGroup {
    struct Alternative {
        dns::forward::ReplySet on;
        std::vector<conf::Upstream> upstreams;
    };

    std::vector<std::uint8_t> suffix;  ///< as Route's
    std::vector<conf::Upstream> upstreams;
    std::vector<Alternative> alternatives = {};
    dns::forward::Order order = dns::forward::Order::listed;
};

/// Those of dns.upstreams, then of each dns.forward.
std::vector<UpstreamGroup> upstream_groups(const conf::Dns& dns);

/// Which servers are asked for the names of others: those of groups with resolv.conf read, host
/// names resolved and our own listeners left out. Control thread.
class Upstreams {
public:
    /// Called with all routes, one for each group in their order, whenever one has changed.
    using Apply = std::function<void(const std::vector<dns::forward::Route>&)>;

    /// Looks a host name up and calls back, later, with its addresses: HostResolver::resolve.
    using Found = HostResolver::Found;
    using Resolve =
        std::function<void(const std::string& host, const std::string& resolv_conf, Found found)>;

    Upstreams(boost::asio::io_context& context, std::vector<conf::SocketAddress> listening,
              Resolve resolve, Apply apply);

    /// Takes a configuration: at once what is known, host names as they are resolved, and again
    /// every minute. A resolv.conf or a host that gives nothing at the moment leaves the addresses
    /// that it last had.
    /// @param groups  the first is the one that missing() and addresses() are about.
    /// @return what a person should know, one a line.
    std::vector<std::string> configure(std::vector<UpstreamGroup> groups, std::string resolv_conf);

    /// Reads resolv.conf again, if it is used. @return what a person should know.
    std::vector<std::string> resolv_conf_changed();
    /// The file to follow; empty: none.
    [[nodiscard]] std::string followed_file() const;

    void stop();  ///< resolves nothing any more

    /// The first group has upstreams, and none of them is left to ask.
    [[nodiscard]] bool missing() const {
        return !routes_.empty() && !configured_[0].upstreams.empty() && addresses().empty();
    }
    /// Those of the first group.
    [[nodiscard]] const std::vector<conf::SocketAddress>& addresses() const {
        static const std::vector<conf::SocketAddress> none;
        return routes_.empty() ? none : routes_[0].upstreams;
    }

private:
    [[nodiscard]] std::vector<const conf::Upstream*> all_configured() const;
    [[nodiscard]] std::vector<conf::SocketAddress>
    candidates(const std::vector<conf::Upstream>& upstreams) const;
    [[nodiscard]] bool reads_resolv_conf() const;
    std::vector<std::string> read_resolv_conf();
    std::vector<std::string> choose();
    [[nodiscard]] std::set<std::string> hosts() const;  ///< of all groups
    void resolve_hosts();
    void resolve_again(std::chrono::seconds later);

    std::vector<conf::SocketAddress> listening_;
    Resolve resolve_;
    Apply apply_;
    std::vector<UpstreamGroup> configured_;
    std::vector<conf::SocketAddress> from_resolv_conf_;
    std::map<std::string, std::vector<conf::IpAddress>> hosts_;  ///< as last resolved
    std::vector<dns::forward::Route> routes_;                    ///< one for each of configured_
    std::string resolv_conf_;
    bool stopped_ = false;
    Timer again_;
};

}  // namespace meshgate::dnsd
