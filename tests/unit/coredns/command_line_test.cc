#include "src/meshgate-dns/coredns/command_line.h"

#include "src/common/command_line.h"

#include <ostream>
#include <regex>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;

TEST_CASE("Go's flags, with one dash or two, and values behind a blank or '='") {
    using Words = std::vector<const char*>;
    for (const Words& words :
         {Words{"-conf", "file", "-quiet", "-p", "1053"},
          Words{"--conf=file", "--quiet=true", "--dns.port=1053"},
          Words{"-dns.port", "1053", "-conf", "other", "-conf", "file", "-quiet=1"}}) {
        const auto line = coredns::parse_arguments(words);
        CHECK(line.corefile == "file");
        CHECK(line.quiet);
        CHECK(line.port == 1053);
        CHECK_FALSE(line.version);
    }
    const auto nothing = coredns::parse_arguments({});
    CHECK(nothing.corefile == "Corefile");
    CHECK(nothing.port == 53);
    CHECK_FALSE(nothing.quiet);
}

TEST_CASE("a command line that makes no sense says why") {
    const std::pair<std::vector<const char*>, const char*> table[] = {
        {{"-conf"}, "'-conf' needs a value"},
        {{"-cnof", "x"}, "unknown flag '-cnof'"},
        {{"serve"}, "there is no argument 'serve'"},
        {{"-dns.port", "65536"}, "-dns.port: '65536' is no port of 1 to 65535"},
        {{"-dns.port", "53x"}, "-dns.port: '53x' is no port of 1 to 65535"},
        {{"-quiet=perhaps"}, "-quiet is true or false, not 'perhaps'"},
    };
    for (const auto& [words, message] : table) {
        CAPTURE(message);
        CHECK_THROWS_WITH_AS(static_cast<void>(coredns::parse_arguments(words)), message,
                             UsageError);
    }
}

TEST_CASE("its name, or a flag that only coredns has, makes it coredns") {
    using Words = std::vector<const char*>;
    CHECK(coredns::is_meant(Words{"/opt/kuma/bin/coredns", "--version"}));
    CHECK(coredns::is_meant(Words{"coredns"}));
    CHECK(coredns::is_meant(Words{"/usr/sbin/meshgate-dns", "-conf", "file", "-quiet"}));
    CHECK_FALSE(coredns::is_meant(Words{"/usr/sbin/meshgate-dns", "--version"}));
    CHECK_FALSE(coredns::is_meant(Words{"/usr/sbin/meshgate-dns", "serve", "--config", "file"}));
    CHECK_FALSE(coredns::is_meant(Words{"/usr/sbin/meshgate-dns", "--config", "file"}));
    CHECK_FALSE(coredns::is_meant(Words{"/coredns/meshgate-dns"}));
    CHECK_FALSE(coredns::is_meant(Words{}));
}

TEST_CASE("the version is one that kuma-dp finds") {
    std::smatch found;
    const std::string line = coredns::version_line();
    REQUIRE(std::regex_search(line, found, std::regex{"CoreDNS-(.*)"}));
    CHECK(
        std::regex_match(found[1].str(), std::regex{R"(\d+\.\d+\.\d+\+meshgate\.\d+\.\d+\.\d+)"}));
}
