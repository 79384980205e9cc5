#include "src/meshgate-redirect/socket_owners.h"

#include "src/common/unique_fd.h"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

using namespace meshgate;
using redirect::socket_owners;
using redirect::SocketOwner;

TEST_CASE("the process of a socket is found, with its user and its name") {
    const UniqueFd socket{::socket(AF_INET, SOCK_DGRAM, 0)};
    struct stat status {};
    REQUIRE(::fstat(socket.get(), &status) == 0);
    const auto owners = socket_owners({static_cast<std::uint32_t>(status.st_ino)});
    REQUIRE(owners.size() == 1);
    CHECK(owners[0].uid == ::geteuid());
    CHECK(owners[0].program == "test-redirect");
}

TEST_CASE("a socket of nobody has no owner") {
    CHECK(socket_owners({}).empty());
    CHECK(socket_owners({0}).empty());  // of the kernel's own sockets
}
