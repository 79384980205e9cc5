#include "src/meshgate-dns/identity.h"

#include "src/users/users.h"
#include "tests/unit/meshgate-dns/temporary_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;
using namespace meshgate::dnsd;

namespace {

conf::Config config_with_user(conf::UserRef user) {
    conf::Config config;
    config.dns.user = std::move(user);
    return config;
}

uid_t owner(const std::filesystem::path& path) {
    struct stat what {};
    REQUIRE(::lstat(path.c_str(), &what) == 0);
    return what.st_uid;
}

}  // namespace

TEST_CASE("the user is dns.user, for root the proxy's, else nobody new") {
    const auto root = choose_identity(config_with_user({std::string{"root"}, {}}), 1000);
    REQUIRE(root);
    CHECK(root->uid == 0);
    CHECK(root->gid == 0);

    conf::Config config;
    config.proxy.user = {{conf::UidRange{4711, 4711}, {}}, {conf::UidRange{4712, 4712}, {}}};
    CHECK_FALSE(choose_identity(config, 1000));
    const auto proxy = choose_identity(config, 0);
    REQUIRE(proxy);
    CHECK(proxy->uid == 4711);
}

TEST_CASE("a uid without a passwd entry runs with the group nogroup") {
    const conf::Uid uid = 3999999999;
    const auto identity = choose_identity(config_with_user({conf::UidRange{uid, uid}, {}}), 0);
    REQUIRE(identity);
    CHECK(identity->uid == uid);
    CHECK(identity->gid == 65534);
    CHECK(identity->to_string() == "uid 3999999999");
}

TEST_CASE("a user that does not exist is named with its place") {
    const conf::UserRef nobody{std::string{"no-such-user"}, {"m.toml", 3, 8}};
    CHECK_THROWS_WITH_AS(choose_identity(config_with_user(nobody), 0),
                         doctest::Contains("m.toml:3:8"), UnknownUser);
}

TEST_CASE("folders change hands when we made them or they are named meshgate; links never do" *
          doctest::skip(::geteuid() != 0)) {
    const TemporaryFolder folder;
    const std::optional<Identity> user{Identity{4711, 4711, ""}};
    prepare_directory(folder / "new", user);
    CHECK(owner(folder / "new") == 4711);

    std::filesystem::create_directory(folder / "other");
    prepare_directory(folder / "other", user);
    CHECK(owner(folder / "other") == ::geteuid());

    std::filesystem::create_directory(folder / "meshgate");
    prepare_directory(folder / "meshgate", user);
    CHECK(owner(folder / "meshgate") == 4711);
}

TEST_CASE("a state file changes hands; a link to one, or one with two names, does not" *
          doctest::skip(::geteuid() != 0)) {
    const TemporaryFolder folder;
    const std::optional<Identity> user{Identity{4711, 4711, ""}};
    std::ofstream{folder / "state"} << "x";
    hand_over_file(folder / "state", user);
    CHECK(owner(folder / "state") == 4711);

    std::ofstream{folder / "secret"} << "x";
    std::filesystem::create_symlink(folder / "secret", folder / "link");
    hand_over_file(folder / "link", user);
    CHECK(owner(folder / "secret") == ::geteuid());

    std::filesystem::create_hard_link(folder / "secret", folder / "second");
    hand_over_file(folder / "second", user);
    CHECK(owner(folder / "secret") == ::geteuid());
}

TEST_CASE("acting as another user ends with the block" * doctest::skip(::geteuid() != 0)) {
    const TemporaryFolder folder;
    {
        const ActingAs user{Identity{4711, 4711, ""}};
        CHECK(::geteuid() == 4711);
    }
    CHECK(::geteuid() == 0);
    std::ofstream file{folder / "file"};
    CHECK(file.good());
}
