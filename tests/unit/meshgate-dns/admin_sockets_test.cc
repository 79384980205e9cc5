#include "src/meshgate-dns/admin_sockets.h"

#include "tests/unit/meshgate-dns/temporary_folder.h"

#include <sys/stat.h>

#include <fstream>
#include <ostream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;
using namespace meshgate::dnsd;

namespace {

conf::Dns dns_with(const std::filesystem::path& path) {
    conf::Dns dns;
    dns.admin = {"unix:" + path.string()};
    dns.admin_is_default = false;
    return dns;
}

std::string message_of(const conf::Dns& dns) {
    try {
        const auto sockets = open_admin(dns, std::nullopt);
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("the socket is 0660, its folder is made, and its file goes with it") {
    const TemporaryFolder folder;
    const auto path = folder / "run/meshgate/dns.sock";
    {
        const auto sockets = open_admin(dns_with(path), std::nullopt);
        struct stat what {};
        REQUIRE(::stat(path.c_str(), &what) == 0);
        CHECK((what.st_mode & 07777U) == 0660);
        CHECK(sockets.listening.size() == 1);
    }
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a socket that somebody answers on is another instance") {
    const TemporaryFolder folder;
    const auto dns = dns_with(folder / "dns.sock");
    const auto first = open_admin(dns, std::nullopt);
    CHECK(message_of(dns).find("another instance") != std::string::npos);
    CHECK(std::filesystem::exists(folder / "dns.sock"));

    conf::Dns at_default_path = dns;
    at_default_path.admin_is_default = true;
    CHECK(message_of(at_default_path).find("another instance") != std::string::npos);
}

TEST_CASE("a socket that a dead server left is replaced") {
    const TemporaryFolder folder;
    const auto dns = dns_with(folder / "dns.sock");
    {
        auto dead = open_admin(dns, std::nullopt);
        dead.listening.clear();
        const auto next = open_admin(dns, std::nullopt);
        CHECK(next.listening.size() == 1);
        dead.files.clear();  // the file is the next one's now
        CHECK(std::filesystem::exists(folder / "dns.sock"));
    }
    CHECK_FALSE(std::filesystem::exists(folder / "dns.sock"));
}

TEST_CASE("a file that is no socket is left alone") {
    const TemporaryFolder folder;
    std::ofstream{folder / "dns.sock"} << "precious";
    CHECK(message_of(dns_with(folder / "dns.sock")).find("no socket") != std::string::npos);
    CHECK(std::filesystem::file_size(folder / "dns.sock") == 8);
}

TEST_CASE("a path that cannot be made is a warning at the default and an error when asked for") {
    conf::Dns dns = dns_with("/proc/nowhere/dns.sock");
    CHECK(message_of(dns).find("/proc/nowhere") != std::string::npos);
    dns.admin_is_default = true;
    CHECK(open_admin(dns, std::nullopt).listening.empty());
}

TEST_CASE("an admin address is a path or an address with a port") {
    CHECK(std::get<std::string>(parse_admin_address("unix:/run/x")) == "/run/x");
    CHECK(std::get<conf::SocketAddress>(parse_admin_address("127.0.0.1:9153")).port == 9153);
    CHECK_THROWS_AS(parse_admin_address("localhost"), std::runtime_error);
}
