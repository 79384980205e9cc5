#include "src/meshgate-redirect/guard/service_connections.h"

#include "netfilter/conntrack/connection.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <system_error>

using namespace meshgate;
using namespace meshgate::redirect;
using namespace std::chrono_literals;
using netfilter::Connection;
using netfilter::Phase;

namespace {

conf::IpAddress ip(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

netfilter::VipService service(const std::string& name, const std::string& address4) {
    netfilter::VipService made;
    made.name = name;
    made.address4 = ip(address4);
    return made;
}

Connection to(const std::string& vip, const std::string& endpoint,
              std::optional<std::uint64_t> bytes = std::nullopt) {
    Connection made;
    made.original = {.source = ip("10.0.0.1"), .destination = ip(vip), .sport = 40000, .dport = 80};
    made.reply = {.source = ip(endpoint), .destination = ip("10.0.0.1"), .sport = 8080,
                  .dport = 40000};
    made.bytes = bytes;
    return made;
}

/// A kernel with these connections, which counts how often it is asked.
struct Kernel {
    std::vector<Connection> connections;
    int error = 0;
    int asked = 0;

    ServiceConnections::Read read() {
        return [this](const auto& one) {
            ++asked;
            if (error != 0) throw std::system_error{error, std::generic_category()};
            for (const auto& each : connections) one(each);
        };
    }
};

const ServiceConnections::Clock::time_point start{};

}  // namespace

TEST_CASE("connections are counted for the service whose address they went to") {
    Kernel kernel;
    auto ended = to("240.0.0.1", "192.0.2.1");
    ended.phase = Phase::ended;
    auto straight = to("240.0.0.1", "240.0.0.1");
    straight.reply.sport = 80;
    kernel.connections = {to("240.0.0.1", "192.0.2.1", 100), to("240.0.0.1", "192.0.2.2", 20),
                          to("fd00::1", "2001:db8::1", 3), to("240.0.0.9", "192.0.2.1", 7), ended,
                          straight, to("240.0.0.3", "192.0.2.3")};
    auto both = service("both", "240.0.0.1");
    both.address6 = ip("fd00::1");
    ServiceConnections counts{kernel.read()};
    const auto found =
        counts.count({both, service("idle", "240.0.0.2"), service("uncounted", "240.0.0.3")}, 1, start);
    CHECK(found == std::vector<ServiceNumbers>{{"both", 3, 123}, {"idle", 0, {}}, {"uncounted", 1, {}}});
    CHECK(counts.left_out() == 0);
}

TEST_CASE("the kernel is not asked more often than every few seconds, whoever asks") {
    Kernel kernel;
    kernel.connections = {to("240.0.0.1", "192.0.2.1")};
    ServiceConnections counts{kernel.read()};
    std::vector services{service("a", "240.0.0.1")};
    for (int i = 0; i < 100; ++i) {
        CHECK(counts.count(services, 1, start + i * 10ms).front().connections == 1);
    }
    CHECK(kernel.asked == 1);
    kernel.connections.clear();
    services.push_back(service("b", "240.0.0.2"));
    const auto others = counts.count(services, 2, start + 1s);  // others: what is known is kept
    CHECK(others == std::vector<ServiceNumbers>{{"a", 1, {}}, {"b", 0, {}}});
    CHECK(kernel.asked == 1);
    CHECK(counts.count(services, 2, start + 1h).front().connections == 0);
    CHECK(kernel.asked == 2);
}

TEST_CASE("of very many services the first are told, and a name once") {
    Kernel kernel;
    kernel.connections = {to("240.0.0.1", "192.0.2.1"), to("240.0.0.2", "192.0.2.1"),
                          to("240.0.0.3", "192.0.2.1")};
    std::vector services{service("twice", "240.0.0.1"), service("twice", "240.0.0.2")};
    for (std::size_t i = 0; i < services_told_max; ++i) {
        services.push_back(service("s" + std::to_string(i), "240.1.0.0"));
    }
    services.push_back(service("last", "240.0.0.3"));
    ServiceConnections counts{kernel.read()};
    const auto found = counts.count(services, 1, start);
    CHECK(found.size() == services_told_max);
    CHECK(found.front() == ServiceNumbers{"twice", 2, {}});
    CHECK(counts.left_out() == 2);
}

TEST_CASE("a kernel that does not tell of connections is asked again later") {
    Kernel kernel;
    kernel.error = EINVAL;
    ServiceConnections counts{kernel.read()};
    const std::vector services{service("a", "240.0.0.1")};
    CHECK(counts.count(services, 1, start).empty());
    kernel.error = 0;
    CHECK(counts.count(services, 1, start + 1s).empty());
    CHECK(counts.count(services, 1, start + 1h).size() == 1);
}
