#include "src/meshgate-redirect/doctor/guard_view.h"
#include "src/meshgate-redirect/doctor/processes.h"
#include "src/meshgate-redirect/doctor/system_settings.h"

#include "src/common/unique_fd.h"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

using namespace meshgate;
using namespace meshgate::redirect;

TEST_CASE("this process is among the processes, with its sockets and its parent") {
    const UniqueFd socket{::socket(AF_INET, SOCK_DGRAM, 0)};
    struct stat status {};
    REQUIRE(::fstat(socket.get(), &status) == 0);
    const auto all = read_processes();
    const auto own = std::ranges::find(all.list, ::getpid(), &Process::pid);
    REQUIRE(own != all.list.end());
    CHECK(own->parent == ::getppid());
    CHECK(own->program == "test-redirect");
    CHECK(own->uid == ::geteuid());
    CHECK(own->inodes.contains(static_cast<std::uint32_t>(status.st_ino)));
    CHECK(read_processes("/nowhere").list.empty());
}

TEST_CASE("a process makes what it makes as its user of files, the last of four") {
    const auto folder = std::filesystem::temp_directory_path() /
                        ("meshgate-proc-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder / "7" / "fd");
    std::ofstream{folder / "7" / "status"} << "Name:\tproxy\nPPid:\t1\nUid:\t1\t2\t3\t4\n";
    const auto processes = read_processes(folder.string());
    std::filesystem::remove_all(folder);
    REQUIRE(processes.list.size() == 1);
    CHECK(processes.list[0].uid == 4);
    CHECK(processes.list[0].parent == 1);
    CHECK(processes.all_sockets);
}

TEST_CASE("settings of the kernel are read where there are any") {
    CHECK(read_settings().contains("net/ipv4/ip_forward"));
    CHECK(read_settings().contains("net/ipv4/conf/lo/rp_filter"));
    CHECK(read_settings("/nowhere").empty());
}

TEST_CASE("the samples of a family of metrics, and of no other") {
    constexpr std::string_view text =
        "# HELP a_total Help.\n# TYPE a_total counter\na_total{program=\"nft\"} 7\n"
        "a_total{program=\"x \\\" y\"} 1\na_total_more 3\nb 1\nbroken\na_total\n";
    using Samples = std::map<std::string, std::string>;
    CHECK(samples_of(text, "a_total") == Samples{{"nft", "7"}, {"x \\\" y", "1"}});
    CHECK(samples_of(text, "b") == Samples{{"", "1"}});
    CHECK(samples_of("", "b").empty());
}
