#include "src/meshgate-redirect/listeners.h"

#include "src/common/unique_fd.h"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

using namespace meshgate;
using redirect::missing_listeners;
using redirect::waiting_ports;
using Ports = std::vector<conf::Port>;

namespace {

const std::string tcp6 = "  sl  local_address                         remote_address               "
                         "         st tx_queue\n"
                         "   0: 00000000000000000000000000000000:3A99 "
                         "00000000000000000000000000000000:0000 0A 00000000\n"
                         "   1: 00000000000000000000000001000000:1F90 "
                         "00000000000000000000000001000000:D431 01 00000000\n";

/// A socket on a free port of 127.0.0.1.
std::pair<UniqueFd, conf::Port> bound(int type) {
    UniqueFd fd{::socket(AF_INET, type, 0)};
    REQUIRE(fd.get() >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto& generic = reinterpret_cast<sockaddr&>(address);
    REQUIRE(::bind(fd.get(), &generic, length) == 0);
    REQUIRE(::getsockname(fd.get(), &generic, &length) == 0);
    return {std::move(fd), ntohs(address.sin_port)};
}

}  // namespace

TEST_CASE("sockets that wait are found in the kernel's tables") {
    CHECK(waiting_ports(tcp6, conf::Protocol::tcp) == Ports{15001});
    CHECK(waiting_ports("   6: 0100007F:3ACD 00000000:0000 07 00000000:00000000 00:00000000\n"
                        "   7: 0100007F:0035 0100007F:1234 01 00000000:00000000 00:00000000",
                        conf::Protocol::udp) == Ports{15053});
}

TEST_CASE("a table that is none has no sockets") {
    for (const std::string text : {"", "\n\n", "garbage", "a b c 0A", "a :zz c 0A", "a : c 0A",
                                   ":::", "0: 0100007F:FFFFF 0 0A"}) {
        CAPTURE(text);
        CHECK(waiting_ports(text, conf::Protocol::tcp).empty());
    }
}

TEST_CASE("each port that is captured to is looked at") {
    conf::Redirect redirect;
    const auto [inbound, inbound_port] = bound(SOCK_STREAM);
    const auto [outbound, outbound_port] = bound(SOCK_STREAM);
    REQUIRE(::listen(outbound.get(), 1) == 0);
    redirect.inbound.port = inbound_port;
    redirect.outbound.port = outbound_port;
    const auto lines = missing_listeners(redirect);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0] == "nobody listens on TCP port " + std::to_string(inbound_port) +
                          ": inbound TCP is refused until somebody does");
    redirect.inbound.enabled = false;
    CHECK(missing_listeners(redirect).empty());
}
