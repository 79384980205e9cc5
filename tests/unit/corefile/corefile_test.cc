#include "conf/corefile/corefile.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate::conf;
using corefile::Corefile;

namespace {

std::string error_of(const std::string& text) {
    try {
        corefile::parse(text, "Corefile");
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("a file of one block needs no braces, and a file may have several blocks") {
    const Corefile one = corefile::parse(".\nforward . 192.0.2.1\nerrors\n", "Corefile", 1053);
    REQUIRE(one.blocks.size() == 1);
    CHECK(one.blocks[0].keys[0].port == 1053);
    CHECK(one.blocks[0].errors);
    const Corefile two = corefile::parse("a.example, b.example:53 {\nerrors\n}\n"
                                         "dns://.:54,\nC.example {\n}\n",
                                         "Corefile");
    REQUIRE(two.blocks.size() == 2);
    REQUIRE(two.blocks[0].keys.size() == 2);
    CHECK(two.blocks[0].keys[1].zone == "b.example");
    REQUIRE(two.blocks[1].keys.size() == 2);
    CHECK(two.blocks[1].keys[0].zone.empty());
    CHECK(two.blocks[1].keys[1].zone == "c.example");
}

TEST_CASE("quotes hold blanks, braces and comment signs; comments end with their line") {
    const Corefile file = corefile::parse(". { # a comment { with a brace\n"
                                          "log . \"{name} \\\"#\\\" {rcode}\"\n} # }",
                                          "Corefile");
    CHECK(file.blocks[0].log->format == "{name} \"#\" {rcode}");
}

TEST_CASE("what is out of place is told with its line and column") {
    const std::pair<const char*, const char*> table[] = {
        {"", "Corefile: no server block, such as '.:53 { ... }'"},
        {"# nothing\n", "Corefile: no server block, such as '.:53 { ... }'"},
        {". {\n errors\n", "Corefile:1:3: this '{' is not closed"},
        {". {\n}\n}\n", "Corefile:3:1: this '}' closes nothing"},
        {"{\n}\n", "Corefile:1:1: a server block begins with a zone, such as '.:53'"},
        {". {\n log \"a\n}\n", "Corefile:2:6: this quote is not closed"},
        {". {\n import other\n}\n", "Corefile:2:2: 'import' is not read: write the lines out"},
        {"(snip) {\n}\n",
         "Corefile:1:1: snippets are not read: write the lines out where they are used"},
        {".:0 {\n}\n", "Corefile:1:1: '.:0' has no port of 1 to 65535 behind its ':'"},
        {"tls://.:853 {\n}\n",
         "Corefile:1:1: 'tls://.:853' needs encryption, which this server does not speak; "
         "dns.listen takes ADDRESS:PORT for UDP and TCP"},
        {".:53 {\n}\n.:53 {\n}\n", "Corefile:3:1: '.:53' has a block already, at Corefile:1:1"},
        {". {\n alternate NXDOMAIN . 192.0.2.1\n}\n",
         "Corefile:2:2: 'alternate' needs a 'forward' in its block, whose replies it looks at"},
    };
    for (const auto& [text, message] : table) {
        CAPTURE(text);
        CHECK(error_of(text) == message);
    }
}

TEST_CASE("a block bound to other addresses may have the same zone and port") {
    CHECK(error_of(". {\n bind 127.0.0.1\n}\n. {\n bind 127.0.0.2\n}\n").empty());
}

TEST_CASE("braces a thousand deep are refused, not followed") {
    std::string text = ".:53 {\n";
    for (int i = 0; i < 1000; ++i) text += "a {\n";
    CHECK(error_of(text).find("braces this deep mean nothing") != std::string::npos);
}
