#pragma once

#include "conf/address.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace meshgate::dnsd {

/// Looks host names up without blocking: /etc/hosts, then the servers of a resolv.conf, by c-ares.
/// For upstreams that are named by a host; the thread that runs the context.
class HostResolver {
public:
    /// Gets the addresses, without duplicates; none when the look-up failed.
    using Found = std::function<void(std::vector<conf::IpAddress>)>;

    explicit HostResolver(boost::asio::io_context& context);
    /// Look-ups on their way end, and nobody is called back.
    ~HostResolver();
    HostResolver(const HostResolver&) = delete;
    HostResolver& operator=(const HostResolver&) = delete;

    /// Calls back once, never from within; after 4 s for each server at most.
    void resolve(const std::string& host, const std::string& resolv_conf, Found found);

private:
    class Lookup;

    boost::asio::io_context& context_;
    std::vector<std::weak_ptr<Lookup>> lookups_;  ///< those on their way own themselves
};

}  // namespace meshgate::dnsd
