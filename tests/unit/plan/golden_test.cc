#include "configurations.h"

#include "netfilter/iptables/text.h"
#include "netfilter/ruleset/print.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

std::filesystem::path golden_folder() {
    const char* folder = std::getenv("MESHGATE_GOLDEN");
    REQUIRE_MESSAGE(folder != nullptr, "MESHGATE_GOLDEN names the folder of the golden files");
    return folder;
}

std::string read(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void compare(const std::filesystem::path& file, const std::string& text) {
    if (std::getenv("MESHGATE_UPDATE_GOLDEN") != nullptr) std::ofstream{file} << text;
    CAPTURE(file.filename().string());
    CHECK(read(file) == text);
}

/// The ruleset line by line, then what is beside it and what install says.
std::string lines_of(const Plan& plan) {
    std::string text;
    for (const auto& line : to_lines(plan.ruleset)) text += line + "\n";
    if (plan.surroundings.inbound_passthrough_address6) text += "address ::6/128 dev lo\n";
    for (const auto& range : plan.surroundings.local_routes) {
        text += "route " + range.to_string() + " dev lo\n";
    }
    for (const auto& notice : plan.notices) text += "notice: " + notice + "\n";
    return text;
}

void compare_nft(const std::string& file, const Plan& plan) {
    compare(file + ".nft", to_nft(plan.ruleset));
    compare(file + ".json", to_nft_json(plan.ruleset));
    compare(file + ".lines", lines_of(plan));
}

}  // namespace

TEST_CASE("the plans are those of the golden files") {
    for (const auto& configuration : configurations()) {
        const auto plan = plan_of(configuration);
        const auto file = (golden_folder() / configuration.name).string();
        compare_nft(file, plan);
        compare(file + ".iptables", to_iptables(plan.ruleset));
    }
}

TEST_CASE("plans with VIPs of the kernel are those of the golden files, and none for iptables") {
    for (const auto& configuration : vip_configurations()) {
        const auto plan = plan_of(configuration);
        compare_nft((golden_folder() / configuration.name).string(), plan);
        CHECK_THROWS(to_iptables(plan.ruleset));
    }
}

TEST_CASE("every golden file has its configuration") {
    for (const auto& entry : std::filesystem::directory_iterator{golden_folder()}) {
        const auto extension = entry.path().extension();
        if (extension != ".nft" && extension != ".json" && extension != ".lines" &&
            extension != ".iptables") {
            continue;
        }
        CHECK(configuration(entry.path().stem().string()).name == entry.path().stem().string());
    }
}
