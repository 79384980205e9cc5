#include "src/resolver/host_resolver.h"

#include "src/common/asio.h"
#include "tests/unit/meshgate-dns/temporary_folder.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;

namespace {

struct Fixture {
    TemporaryFolder folder;
    asio::io_context context{1};
    std::optional<HostResolver> resolver{std::in_place, context};
    std::optional<HostAnswer> found;

    /// Starts a look-up with a resolv.conf of this text.
    void resolve(const std::string& host, const std::string& resolv_conf) {
        std::ofstream{folder / "resolv.conf"} << resolv_conf;
        resolver->resolve(host, folder / "resolv.conf",
                          [this](HostAnswer answer) { found = std::move(answer); });
    }
};

}  // namespace

TEST_CASE("a name of /etc/hosts is found without a server, after the call has returned") {
    Fixture f;
    f.resolve("localhost", "nameserver 127.0.0.1\n");
    CHECK_FALSE(f.found);
    f.context.run();
    REQUIRE(f.found);
    const auto loopback = conf::IpAddress::parse("127.0.0.1").value();
    CHECK(f.found->is_known);
    CHECK(std::ranges::count(f.found->addresses, loopback) == 1);
}

TEST_CASE("a name that is none, or nobody to ask, is no address") {
    for (const std::string host : {"a..b", "nosuch.invalid"}) {
        CAPTURE(host);
        Fixture f;
        f.resolve(host, "nameserver 127.0.0.254\noptions attempts:1\n");  // port 53 is closed there
        f.context.run();
        REQUIRE(f.found);
        CHECK(f.found->addresses.empty());
    }
}

TEST_CASE("an end in the middle of a look-up calls nobody") {
    Fixture f;
    f.resolve("nosuch.invalid", "nameserver 192.0.2.1\n");
    f.context.poll();
    f.resolver.reset();
    f.context.run();
    CHECK_FALSE(f.found);
}
