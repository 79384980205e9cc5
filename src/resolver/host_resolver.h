#pragma once

#include "conf/address.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace meshgate {

/// What is known of a host name.
struct HostAnswer {
    std::vector<conf::IpAddress> addresses;  ///< without duplicates
    std::chrono::seconds ttl{0};  ///< the shortest of theirs; 0 for those of /etc/hosts
    /// The name has these addresses, or none at all. False: nobody could say.
    bool is_known = false;
};

/// Looks host names up without blocking: /etc/hosts, then the servers of a resolv.conf, by c-ares.
/// For hosts that a configuration names; the thread that runs the context.
class HostResolver {
public:
    using Found = std::function<void(HostAnswer)>;

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

}  // namespace meshgate
