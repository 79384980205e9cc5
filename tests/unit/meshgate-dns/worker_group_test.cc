#include "src/meshgate-dns/worker_group.h"

#include "dns/server/sockets.h"
#include "dns/zone/build.h"

#include <atomic>
#include <ostream>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;
using meshgate::dnsd::WorkerGroup;

namespace {

std::vector<dns::server::WorkerSockets> sockets_for(std::size_t workers) {
    const std::vector listen{
        conf::SocketAddress{conf::IpAddress::parse("127.0.0.1").value(), 0, ""}};
    return dns::server::bind_sockets(listen, workers).workers;
}

std::shared_ptr<const dns::zone::Table> empty_table() {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    return dns::zone::build(contents);
}

}  // namespace

TEST_CASE("as many workers as cores, within bounds") {
    CHECK(dnsd::worker_count() >= 1);
    CHECK(dnsd::worker_count() <= 64);
}

TEST_CASE("tables are in force when set_tables returns, and not taken by workers that do not run") {
    WorkerGroup workers{sockets_for(2), {}};
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_AS(workers.set_tables(empty_table(), empty_table(), stop.get_token()),
                    std::runtime_error);

    workers.start([](const std::exception_ptr&) {});
    workers.set_tables(empty_table(), empty_table(), std::stop_token{});
}

TEST_CASE("workers together say what each of them asks, and that they are alive") {
    WorkerGroup workers{sockets_for(2), {}};
    CHECK(workers.size() == 2);
    CHECK(workers.stats().size() == 2);
    workers.start([](const std::exception_ptr&) {});
    const auto upstream = conf::SocketAddress::parse("192.0.2.1:53", 53).value();
    workers.set_routes(dns::forward::one_route({upstream}));
    const auto states = workers.upstreams();
    REQUIRE(states.size() == 1);
    CHECK(states[0].address == upstream);
    CHECK(workers.responsive());
}

TEST_CASE("workers that do not run are not responsive") {
    WorkerGroup workers{sockets_for(2), {}};
    CHECK(workers.responsive());  // asked for the first time
    CHECK_FALSE(workers.responsive());
    CHECK(workers.upstreams().empty());
}

TEST_CASE("every worker tells of its end after a drain, and nothing went wrong") {
    std::atomic<int> ended = 0;
    std::atomic<int> failed = 0;
    {
        WorkerGroup workers{sockets_for(3), {}};
        workers.start([&](const std::exception_ptr& error) {
            ++ended;
            if (error) ++failed;
        });
        workers.drain(std::chrono::seconds{5});
    }
    CHECK(ended == 3);
    CHECK(failed == 0);
}
