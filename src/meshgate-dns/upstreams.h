#pragma once

#include "conf/config.h"
#include "dns/forward/route.h"
#include "src/common/timer.h"
#include "src/meshgate-dns/host_resolver.h"

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace meshgate::dnsd {

/// Which servers are asked for the names of others: dns.upstreams and dns.forward with resolv.conf
/// read, host names resolved and our own listeners left out. Control thread.
class Upstreams {
public:
    /// Called with all routes whenever one has changed. The first is that of dns.upstreams.
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
    /// @return what a person should know, one a line.
    std::vector<std::string> configure(const conf::Config& config);

    /// Reads resolv.conf again, if it is used. @return what a person should know.
    std::vector<std::string> resolv_conf_changed();
    /// The file to follow; empty: none.
    [[nodiscard]] std::string followed_file() const;

    void stop();  ///< resolves nothing any more

    /// dns.upstreams is configured, and none of it is left to ask.
    [[nodiscard]] bool missing() const {
        return !routes_.empty() && !configured_[0].upstreams.empty() && addresses().empty();
    }
    /// Those of dns.upstreams.
    [[nodiscard]] const std::vector<conf::SocketAddress>& addresses() const {
        static const std::vector<conf::SocketAddress> none;
        return routes_.empty() ? none : routes_[0].upstreams;
    }

private:
    /// dns.upstreams, or a dns.forward.
    struct Group {
        std::vector<std::uint8_t> suffix;  ///< as Route's
        std::vector<conf::Upstream> upstreams;
    };

    [[nodiscard]] std::vector<conf::SocketAddress> candidates(const Group& group) const;
    [[nodiscard]] bool reads_resolv_conf() const;
    std::vector<std::string> read_resolv_conf();
    std::vector<std::string> choose();
    [[nodiscard]] std::set<std::string> hosts() const;  ///< of all groups
    void resolve_hosts();
    void resolve_again(std::chrono::seconds later);

    std::vector<conf::SocketAddress> listening_;
    Resolve resolve_;
    Apply apply_;
    std::vector<Group> configured_;  ///< dns.upstreams first
    std::vector<conf::SocketAddress> from_resolv_conf_;
    std::map<std::string, std::vector<conf::IpAddress>> hosts_;  ///< as last resolved
    std::vector<dns::forward::Route> routes_;                    ///< one for each of configured_
    std::string resolv_conf_;
    bool stopped_ = false;
    Timer again_;
};

}  // namespace meshgate::dnsd
