#include "src/common/command_line.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate;

namespace {

constexpr Option known[] = {{"config", Option::Kind::value},
                            {"redirect-dns", Option::Kind::toggle},
                            {"exclude-inbound-ports", Option::Kind::value}};

CommandLine parse(std::vector<const char*> arguments) {
    return parse_command_line(arguments, known);
}

std::string error_of(std::vector<const char*> arguments) {
    try {
        parse(std::move(arguments));
    } catch (const UsageError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("options may stand before and after the verb, in both forms") {
    const CommandLine line = parse({"--config", "a.toml", "install", "transparent-proxy",
                                    "--redirect-dns", "--exclude-inbound-ports=22", "--config=-"});
    CHECK(line.words == std::vector<std::string>{"install", "transparent-proxy"});
    CHECK(line.value("config") == "-");
    CHECK(line.toggle("redirect-dns"));
    CHECK(line.value("exclude-inbound-ports") == "22");
}

TEST_CASE("a toggle can be switched off, and the last one wins") {
    CHECK_FALSE(parse({"--redirect-dns=false"}).toggle("redirect-dns"));
    CHECK_FALSE(parse({"--redirect-dns", "--redirect-dns=false"}).toggle("redirect-dns"));
    CHECK_FALSE(parse({}).toggle("redirect-dns"));
}

TEST_CASE("what follows -- is no option, and - alone is a word") {
    CHECK(parse({"--", "--config", "-"}).words == std::vector<std::string>{"--config", "-"});
    CHECK(parse({"-"}).words == std::vector<std::string>{"-"});
}

TEST_CASE("a bad command line says what to write instead") {
    CHECK(error_of({"--redirect-dnss"}) ==
          "unknown option '--redirect-dnss', did you mean '--redirect-dns'?");
    CHECK(error_of({"--frobnicate"}) == "unknown option '--frobnicate'");
    CHECK(error_of({"--config"}) == "option '--config' needs a value");
    CHECK(error_of({"--redirect-dns=perhaps"}) ==
          "option '--redirect-dns' takes true or false, not 'perhaps'");
    CHECK(error_of({"-c"}) == "unknown option '-c'; options start with --");
}
