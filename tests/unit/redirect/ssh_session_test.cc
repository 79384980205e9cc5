#include "src/meshgate-redirect/ssh_session.h"

#include "src/common/unique_fd.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <ostream>

using namespace meshgate;
using namespace meshgate::redirect;

TEST_CASE("SSH_CONNECTION is understood, or passed over") {
    const auto session = parse_ssh_connection("203.0.113.5 50022 192.0.2.1 22");
    REQUIRE(session.has_value());
    CHECK(session->client == conf::IpAddress::parse("203.0.113.5"));
    CHECK(session->server == conf::IpAddress::parse("192.0.2.1"));
    CHECK(session->port == 22);
    const auto scoped = parse_ssh_connection("fe80::1%eth0 50022 fe80::2%eth0 2222");
    REQUIRE(scoped.has_value());
    CHECK(scoped->server == conf::IpAddress::parse("fe80::2"));
    for (const char* wrong : {"", "x", "1.2.3.4 1 1.2.3.4", "1.2.3.4 1 1.2.3.4 0",
                              "1.2.3.4 1 1.2.3.4 70000", "1.2.3.4 1 x 22", "22", "a b c d",
                              "192.0.2.7 50122 192.0.2.1 65536", "192.0.2.7 50122 192.0.2.1 22 ",
                              "192.0.2.7 50122 192.0.2.1 22 22"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_ssh_connection(wrong));
    }
}

TEST_CASE("a connection that this process accepted says more than SSH_CONNECTION") {
    const UniqueFd listening{::socket(AF_INET, SOCK_STREAM, 0)};
    sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)},
                   .sin_zero = {}};
    socklen_t bytes = sizeof at;
    auto* const address = reinterpret_cast<sockaddr*>(&at);
    REQUIRE(::bind(listening.get(), address, bytes) == 0);
    REQUIRE(::listen(listening.get(), 1) == 0);
    REQUIRE(::getsockname(listening.get(), address, &bytes) == 0);
    const UniqueFd client{::socket(AF_INET, SOCK_STREAM, 0)};
    REQUIRE(::connect(client.get(), address, bytes) == 0);
    const UniqueFd accepted{::accept(listening.get(), nullptr, nullptr)};
    ::setenv("SSH_CONNECTION", "192.0.2.7 50122 192.0.2.1 22", 1);
    const auto session = ssh_session();
    ::unsetenv("SSH_CONNECTION");
    REQUIRE(session.has_value());
    CHECK(session->port == ntohs(at.sin_port));
    CHECK(session->server == conf::IpAddress::parse("127.0.0.1"));
    CHECK(session->client == session->server);
}
