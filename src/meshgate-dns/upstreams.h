#pragma once

#include "conf/config.h"
#include "src/common/timer.h"
#include "src/meshgate-dns/host_resolver.h"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace meshgate::dnsd {

/// Which servers are asked for the names of others: dns.upstreams with resolv.conf read, host names
/// resolved and our own listeners left out. Control thread.
class Upstreams {
public:
    /// Called with the whole list whenever it has changed.
    using Apply = std::function<void(const std::vector<conf::SocketAddress>&)>;

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

    /// Upstreams are configured, and none is left to ask.
    [[nodiscard]] bool missing() const { return !configured_.empty() && addresses_.empty(); }
    [[nodiscard]] const std::vector<conf::SocketAddress>& addresses() const { return addresses_; }

private:
    [[nodiscard]] std::vector<conf::SocketAddress> candidates() const;
    [[nodiscard]] bool reads_resolv_conf() const;
    std::vector<std::string> read_resolv_conf();
    std::vector<std::string> choose();
    void resolve_hosts();
    void resolve_again(std::chrono::seconds later);

    std::vector<conf::SocketAddress> listening_;
    Resolve resolve_;
    Apply apply_;
    std::vector<conf::Upstream> configured_;
    std::vector<conf::SocketAddress> from_resolv_conf_;
    std::map<std::string, std::vector<conf::IpAddress>> hosts_;  ///< as last resolved
    std::vector<conf::SocketAddress> addresses_;
    std::string resolv_conf_;
    bool stopped_ = false;
    Timer again_;
};

}  // namespace meshgate::dnsd
