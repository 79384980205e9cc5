#include "src/meshgate-redirect/guard/service_connections.h"

#include "netfilter/conntrack/conntrack.h"

#include <algorithm>
#include <system_error>

namespace meshgate::redirect {
namespace {

using namespace netfilter;
using namespace std::chrono_literals;

/// Between two looks, at least: as long again as one takes, so often.
constexpr auto shortest_pause = 3s;
constexpr int pause_factor = 50;

}  // namespace

void ServiceConnections::read_conntrack(const std::function<void(const Connection&)>& one) {
    static_cast<void>(Conntrack{}.read([&one](const Connection& connection) {
        one(connection);
        return false;  // counted: the list of them is of no use
    }));
}

std::vector<ServiceNumbers> ServiceConnections::count(const std::vector<VipService>& services,
                                                      std::uint64_t installation,
                                                      Clock::time_point now) {
    if (installation_ != installation) {
        installation_ = installation;
        take(services);
    }
    if (!numbers_.empty() && (!next_ || now >= *next_)) {
        const auto began = Clock::now();
        look();
        const Clock::duration took = Clock::now() - began;
        next_ = now + std::max<Clock::duration>(shortest_pause, took * pause_factor);
    }
    return is_told_ ? numbers_ : std::vector<ServiceNumbers>{};
}

/// What was counted of those that stay is kept until the next look.
void ServiceConnections::take(const std::vector<VipService>& services) {
    std::map<std::string, ServiceNumbers> before;
    for (auto& one : numbers_) before.emplace(one.service, std::move(one));
    std::map<std::string, std::size_t> indices;  // services of several kinds may have one name
    numbers_.clear();
    by_vip_.clear();
    left_out_ = 0;
    for (const auto& service : services) {
        if (numbers_.size() == services_told_max && !indices.contains(service.name)) {
            ++left_out_;
            continue;
        }
        const auto [at, is_new] = indices.emplace(service.name, numbers_.size());
        if (is_new) {
            const auto known = before.find(service.name);
            numbers_.push_back(known == before.end() ? ServiceNumbers{.service = service.name}
                                                     : std::move(known->second));
        }
        for (const auto& address : {service.address4, service.address6}) {
            if (address) by_vip_.emplace(*address, at->second);
        }
    }
}

void ServiceConnections::look() try {
    auto counted = numbers_;
    for (auto& one : counted) one = {.service = std::move(one.service)};
    read_([&](const Connection& connection) {
        if (connection.phase != Phase::open || !is_redirected(connection)) return;
        const auto found = by_vip_.find(connection.original.destination);
        if (found == by_vip_.end()) return;
        auto& one = counted[found->second];
        ++one.connections;
        if (connection.bytes) one.bytes = one.bytes.value_or(0) + *connection.bytes;
    });
    numbers_ = std::move(counted);
    is_told_ = true;
} catch (const std::system_error&) {
    is_told_ = false;  // no ctnetlink: the other numbers are right
}

}  // namespace meshgate::redirect
