#include "src/meshgate-redirect/kuma_leftovers.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

using meshgate::redirect::kuma_leftovers;
namespace fs = std::filesystem;

namespace {

/// A machine's root with nothing in it.
class Root {
public:
    Root() {
        std::string name = (fs::temp_directory_path() / "leftovers-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
        fs::create_directories(path_ / "etc");
        fs::create_directories(path_ / "tmp");
    }
    ~Root() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    Root(const Root&) = delete;
    Root& operator=(const Root&) = delete;
    void put(const std::string& name) const { std::ofstream{path_ / name} << "x"; }
    [[nodiscard]] std::string string() const { return path_.string(); }

private:
    fs::path path_;
};

}  // namespace

TEST_CASE("what kumactl leaves behind is named, and nothing that others have") {
    const Root root;
    CHECK(kuma_leftovers(root.string()).empty());
    CHECK(kuma_leftovers(root.string() + "/none").empty());
    for (const char* const others :
         {"tmp/iptables-rules.1.txt", "tmp/my-iptables-rules.1.txt.backup", "tmp/x.txt.backup",
          "etc/resolv.conf.backup", "tmp/iptables-rules.1.txt.backup.gz"}) {
        root.put(others);
    }
    fs::create_directory(root.string() + "/tmp/iptables-rules.0.txt.backup");
    CHECK(kuma_leftovers(root.string()).empty());

    root.put("tmp/iptables-rules.2.txt.backup");
    CHECK(kuma_leftovers(root.string()) ==
          std::vector<std::string>{root.string() +
                                   "/tmp/iptables-rules.2.txt.backup is left: kumactl's copies of "
                                   "all rules of iptables, from before its changes"});
    root.put("tmp/ip6tables-rules.1.txt.backup");
    root.put("etc/resolv.conf.kuma-backup");
    const auto lines = kuma_leftovers(root.string());
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == root.string() +
                          "/etc/resolv.conf.kuma-backup is left: an old kumactl's copy of "
                          "resolv.conf");
    CHECK(lines[1].find("ip6tables-rules.1.txt.backup and 1 more are left") != std::string::npos);
}

TEST_CASE("a name of /tmp is anybody's, and is printed as text") {
    const Root root;
    root.put("tmp/iptables-rules.\x1b[2J.txt.backup");
    const auto lines = kuma_leftovers(root.string());
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find('\x1b') == std::string::npos);
}
