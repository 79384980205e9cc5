// The hot path allocates nothing: every `new` of this program is counted, and none happens while a
// worker answers owned names and cached ones. A program of its own, for the operators it replaces.
#include "dns/zone/build.h"
#include "tests/unit/server/loopback.h"
#include "tests/unit/server/upstream.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> allocations{0};

void* counted(std::size_t bytes) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
    if (memory == nullptr) throw std::bad_alloc{};
    return memory;
}

}  // namespace

void* operator new(std::size_t bytes) {
    return counted(bytes);
}
void* operator new[](std::size_t bytes) {
    return counted(bytes);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

using namespace meshgate;
using namespace meshgate::test;
namespace type = dns::wire::type;

namespace {

std::shared_ptr<const dns::zone::Table> names() {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    contents.services.push_back(
        {"backend", conf::IpAddress::parse("240.0.0.1"), conf::IpAddress::parse("fd00::1"), {}});
    contents.reverse_ranges = {conf::Cidr::parse("240.0.0.0/4").value()};
    return dns::zone::build(contents);
}

/// Asks the same again and again; neither side of it allocates.
class Asking {
public:
    Asking(Client& client, Bytes message, bool framed)
        : client_(client), asked_(std::move(message)) {
        if (!framed) return;
        const auto bytes = static_cast<std::uint8_t>(asked_.size());
        asked_.insert(asked_.begin(), {0, bytes});
    }

    void rounds(unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            if (::send(client_.fd(), asked_.data(), asked_.size(), 0) < 0) std::abort();
            pollfd what{client_.fd(), POLLIN, 0};
            if (::poll(&what, 1, 20'000) <= 0) std::abort();
            if (::recv(client_.fd(), reply_.data(), reply_.size(), 0) <= 0) std::abort();
        }
    }

private:
    Client& client_;
    Bytes asked_;
    std::array<std::uint8_t, 4096> reply_;
};

}  // namespace

TEST_CASE("what is known here is answered without an allocation") {
    dns::server::WorkerLimits limits;
    limits.cache_bytes = std::size_t{1} << 20;
    Upstream upstream;
    Server server{{.limits = limits}};
    server.set_table(names());
    server.worker().set_routes(dns::forward::one_route({upstream.at()})).get();
    struct Row {
        const char* what;
        Bytes message;
    };
    const Row rows[] = {
        {"an owned name", query(1, "Backend.mesh")},
        {"its other family, with an OPT", query(1, "backend.mesh", type::aaaa, 1232)},
        {"NODATA", query(1, "backend.mesh", type::txt)},
        {"NXDOMAIN", query(1, "nobody.mesh", type::a, 4096)},
        {"a VIP's name", query(1, "1.0.0.240.in-addr.arpa", type::ptr)},
        {"a name in the cache", query(1, "3600.ttl.example")},
        {"the same with an OPT", query(1, "3600.ttl.example", type::a, 1232)},
    };
    for (const Kind kind : {Kind::udp, Kind::tcp}) {
        Client client{kind, server.at()};
        for (const auto& row : rows) {
            CAPTURE(row.what);
            CAPTURE(kind == Kind::tcp);
            Asking asking{client, row.message, kind == Kind::tcp};
            asking.rounds(20);  // until the cache has it, and buffers are as large as they become
            const std::uint64_t before = allocations.load();
            asking.rounds(200);
            CHECK(allocations.load() == before);
        }
    }
    CHECK(upstream.queries() <= 2);  // one without an OPT, one with
}

TEST_CASE("an allocation is seen") {
    const std::uint64_t before = allocations.load();
    delete new int;
    CHECK(allocations.load() > before);
}
