#pragma once

#include "conf/address.h"
#include "conf/health_check.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace meshgate::health {

/// What is checked, and how.
struct Target {
    std::string service;  ///< whose endpoint it is: its name
    conf::SocketAddress endpoint;
    conf::HealthCheck check;
    std::uint32_t mark = 0;  ///< of its packets (SO_MARK, which needs CAP_NET_ADMIN); 0: none

    friend bool operator==(const Target&, const Target&) = default;
};

struct Result {
    bool good = false;
    std::string reason;  ///< of a bad one, for a person
};

/// One check of an endpoint, on the thread that runs the context. Ends with it, without a word.
class Probe {
public:
    using Done = std::function<void(Result)>;

    /// @param target  outlives this
    /// @param done    called once, never from within; may end the probe
    Probe(boost::asio::io_context& context, const Target& target, Done done);
    ~Probe();
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

private:
    struct Run;
    std::shared_ptr<Run> run_;  ///< shared with the handlers that wait
};

}  // namespace meshgate::health
