#include "namespace.h"
#include "rulesets.h"

#include "netfilter/nftnl/kernel.h"
#include "netfilter/ruleset/print.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>

using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

/// nft's own listing without counters and without the table's comment, which only we write.
std::string listing(const std::string& table) {
    return output_of("nft -s list table inet " + table +
                     " | sed '/^\\tcomment \"meshgate .*\"$/d'");
}

/// nft 1.0.6 does not load the comments of sets from JSON.
std::string without_set_comments(const std::string& text) {
    std::istringstream lines{text};
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("\t\tcomment \"")) kept += line + '\n';
    }
    return kept;
}

void load_by(const char* nft_command, const std::string& text) {
    std::FILE* nft = ::popen(nft_command, "we");
    if (nft == nullptr) throw std::runtime_error("popen");
    std::fwrite(text.data(), 1, text.size(), nft);
    if (::pclose(nft) != 0) throw std::runtime_error("nft refuses:\n" + text);
}

}  // namespace

TEST_CASE("nft lists what we write as it lists its own load of the printed text") {
    for (const auto& [name, ruleset] : every_kind()) {
        if (name == said_twice) continue;  // nft leaves out what another match implies
        CAPTURE(name);
        enter_fresh_namespace();
        load_by("nft -f -", to_nft(ruleset));
        const auto by_nft = listing(ruleset.table);
        const auto read = Kernel{}.read(ruleset.table);
        REQUIRE(read.has_value());
        for (const auto& one : read->unknown) FAIL_CHECK("unknown: " << one);
        CHECK(to_nft(read->ruleset) == to_nft(ruleset));
        CHECK(read->ruleset == ruleset);
        CHECK_FALSE(read->ownership.has_value());

        enter_fresh_namespace();
        Kernel{}.replace(ruleset, {.format = 1, .version = "0.1.0", .digest = "ab"});
        CHECK(listing(ruleset.table) == by_nft);

        enter_fresh_namespace();
        // nft 1.0.6 prints a map's `typeof` in JSON, and does not read it.
        if (!ruleset.endpoint_maps.empty()) continue;
        load_by("nft -j -f -", to_nft_json(ruleset));
        CHECK(without_set_comments(listing(ruleset.table)) == without_set_comments(by_nft));
    }
}
