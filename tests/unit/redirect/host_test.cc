#include "src/meshgate-redirect/host.h"

#include "conf/load.h"
#include "src/users/users.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using redirect::gather_host;

namespace {

class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& text)
        : path_(std::filesystem::temp_directory_path() /
                ("meshgate-host-test-" + std::to_string(::getpid()))) {
        std::ofstream{path_} << text;
    }
    ~TemporaryFile() {
        std::error_code error;
        std::filesystem::remove(path_, error);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    [[nodiscard]] std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

conf::Config parse(const std::string& toml) {
    return conf::parse(toml, "test.toml").config;
}

using Users = std::vector<conf::UidRange>;

}  // namespace

TEST_CASE("users by number and by name") {
    const auto host = gather_host(parse("[proxy]\nuser = 4000000000\n"
                                        "exempt_users = [\"root\", \"2000-2999\"]\n"
                                        "exempt_groups = [\"root\", \"3000-3999\", 7]\n"
                                        "[dns]\nuser = 990\n"
                                        "[redirect.outbound]\n"
                                        "exclude = [{users = [\"root\", 7]}, {users = 8}]"))
                          .host;
    CHECK(host.proxy_users == std::vector<conf::Uid>{4000000000});
    CHECK(host.exempt_users == Users{{0, 0}, {2000, 2999}});
    CHECK(host.resolver_users == Users{{990, 990}});
    CHECK(host.exempt_groups == std::vector<conf::GidRange>{{0, 0}, {3000, 3999}, {7, 7}});
    CHECK(host.exclude_users == std::vector<Users>{{{0, 0}, {7, 7}}, {{8, 8}}});
}

TEST_CASE("without a proxy the user that meshgate-dns takes is exempt all the same") {
    const auto host = gather_host(parse("[proxy]\nenabled = false\nuser = 5678")).host;
    CHECK(host.resolver_users == Users{{5678, 5678}});
    CHECK(gather_host(parse("[proxy]\nenabled = false\n[dns]\nuser = 7")).host.resolver_users ==
          Users{{7, 7}});
    CHECK(gather_host(parse("[proxy]\nuser = 5678")).host.resolver_users.empty());
}

TEST_CASE("several users of the proxy, in their order") {
    const auto host = gather_host(parse("[proxy]\nuser = [5679, \"nobody\", 5678]")).host;
    CHECK(host.proxy_users == std::vector<conf::Uid>{5679, 65534, 5678});
    CHECK(host.resolver_users.empty());
}

TEST_CASE("a user that does not exist is named by its place") {
    const auto config = parse("[proxy]\nexempt_users = [\"nobody-of-this-name\"]");
    CHECK_THROWS_WITH_AS(gather_host(config), doctest::Contains("test.toml:2:"), UnknownUser);
}

TEST_CASE("a group that does not exist is named by its place") {
    const auto config = parse("[proxy]\nexempt_groups = [1, \"nobody-of-this-name\"]");
    CHECK_THROWS_WITH_AS(gather_host(config),
                         doctest::Contains("test.toml:2:21: group 'nobody-of-this-name' does not "
                                           "exist; create it (groupadd"),
                         UnknownUser);
}

TEST_CASE("nameservers are read when DNS is captured, and a missing file is a notice") {
    const TemporaryFile file{"nameserver 192.0.2.53\nnameserver fe80::1%1\n"
                             "nameserver fe80::3%et*\n"};
    auto config = parse("[redirect.dns]\nenabled = true");
    config.resolv_conf = file.path();
    const auto gathered = gather_host(config);
    REQUIRE(gathered.host.nameservers.size() == 2);
    CHECK(gathered.host.nameservers[0].to_string() == "192.0.2.53:53");
    CHECK(gathered.host.nameservers[1].scope == "lo");  // interface 1, in every namespace
    CHECK(gathered.notices.size() == 1);

    config.resolv_conf = file.path() + "-none";
    const auto without = gather_host(config);
    CHECK(without.host.nameservers.empty());
    REQUIRE(without.notices.size() == 1);
    CHECK(without.notices[0].starts_with(config.resolv_conf + " cannot be read: "));

    config.redirect.dns.enabled = false;
    CHECK(gather_host(config).notices.empty());
}
