#pragma once

#include "netfilter/plan/vips.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::netfilter {
struct Connection;
}

namespace meshgate::redirect {

/// The open connections to a service whose VIPs the kernel translates.
struct ServiceNumbers {
    std::string service;
    std::uint64_t connections = 0;              ///< over UDP: flows that are remembered
    std::optional<std::uint64_t> bytes = {};    ///< of these; none where the kernel does not count

    friend bool operator==(const ServiceNumbers&, const ServiceNumbers&) = default;
};

/// Counts them when somebody asks, by a look at all connections of the kernel; seldom enough that
/// whoever asks all the time costs little.
class ServiceConnections {
public:
    using Clock = std::chrono::steady_clock;
    /// Calls back with every connection that the kernel knows. @throws std::system_error
    using Read = std::function<void(const std::function<void(const netfilter::Connection&)>&)>;

    explicit ServiceConnections(Read read = read_conntrack) : read_(std::move(read)) {}

    /// The first services_told_max of them, in their order, those without a connection too; none
    /// when the kernel does not tell of connections.
    /// @param installation  another number than before when the services are others
    std::vector<ServiceNumbers> count(const std::vector<netfilter::VipService>& services,
                                             std::uint64_t installation, Clock::time_point now);
    /// Beside those.
    [[nodiscard]] std::size_t left_out() const noexcept { return left_out_; }

private:
    static void read_conntrack(const std::function<void(const netfilter::Connection&)>& one);
    void take(const std::vector<netfilter::VipService>& services);
    void look();

    Read read_;
    std::optional<std::uint64_t> installation_;
    std::map<conf::IpAddress, std::size_t> by_vip_;  ///< indices among numbers_
    std::vector<ServiceNumbers> numbers_;
    std::size_t left_out_ = 0;
    std::optional<Clock::time_point> next_;  ///< when to look again
    bool is_told_ = false;                   ///< by the kernel, the last time
};

/// Services that are told one by one, at most.
inline constexpr std::size_t services_told_max = 1000;

}  // namespace meshgate::redirect
