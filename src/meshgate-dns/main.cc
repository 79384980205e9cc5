#include "conf/load.h"
#include "src/common/command_line.h"
#include "src/common/log.h"
#include "src/common/nearest.h"
#include "src/meshgate-dns/coredns/command_line.h"
#include "src/meshgate-dns/coredns/personality.h"
#include "src/meshgate-dns/verbs.h"
#include "src/users/users.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <span>
#include <string_view>

namespace meshgate::dnsd {
namespace {

constexpr std::string_view help_text =
    R"(Usage: meshgate-dns [VERB] [--config FILE]

Answers the names of the mesh and forwards every other question.

Verbs:
  serve               run the server (the default)
  check               say what is wrong with the configuration, or nothing
  names [--json]      list the names that the configuration makes
  query NAME [TYPE] [--trace] [--json]
                      ask the running server (TYPE: default A); with --trace also say what
                      it did to answer: names, cache, each upstream and how long it took
  status [--json]     what the running server says of itself
  flush [NAME]        make the running server forget what others answered, of NAME or of all
  reload              make the running server read its configuration again, and wait for the outcome

Under the name coredns, or with -conf FILE, it serves a Corefile as coredns would (-help).

Options:
  --config FILE       the configuration (default: /etc/meshgate/meshgate.toml; "-": standard input)
  --json              machine-readable output of names, query and status
  --help, --version

Exit status: 0 done, 1 failed, 2 usage, 3 not running, 65 bad configuration, 77 not permitted.
)";

struct Verb {
    std::string_view name;
    ExitCode (*run)(const Invocation&);
    std::size_t arguments_min;
    std::size_t arguments_max;
    bool has_json;
    bool has_trace = false;
};

constexpr std::array<Verb, 7> verbs{{
    {"serve", serve, 0, 0, false},
    {"check", check, 0, 0, false},
    {"names", names, 0, 0, true},
    {"query", query, 1, 2, true, true},
    {"status", status, 0, 0, true},
    {"flush", flush, 0, 1, false},
    {"reload", reload, 0, 0, false},
}};

const Verb& find_verb(std::string_view word) {
    const auto* const found =
        std::find_if(verbs.begin(), verbs.end(), [word](const Verb& v) { return v.name == word; });
    if (found != verbs.end()) return *found;
    std::array<std::string_view, verbs.size()> known;
    std::transform(verbs.begin(), verbs.end(), known.begin(), [](const Verb& v) { return v.name; });
    std::string message = "unknown verb '" + std::string{word} + "'";
    if (const auto near = nearest(word, known); !near.empty()) {
        message += ", did you mean '" + std::string{near} + "'?";
    }
    throw UsageError(message);
}

ExitCode dispatch(std::span<const char* const> arguments) {
    static constexpr std::array<Option, 5> options{{
        {"config", Option::Kind::value},
        {"json", Option::Kind::toggle},
        {"trace", Option::Kind::toggle},
        {"help", Option::Kind::toggle},
        {"version", Option::Kind::toggle},
    }};
    const CommandLine line = parse_command_line(arguments, options);
    if (line.toggle("help")) {
        std::cout << help_text;
        return ExitCode::done;
    }
    if (line.toggle("version")) {
        // The second line is for kuma-dp, which may have been told that this is its coredns.
        std::cout << "meshgate-dns " << version << '\n' << coredns::version_line() << '\n';
        return ExitCode::done;
    }
    const std::string word = line.words.empty() ? "serve" : line.words.front();
    const Verb& verb = find_verb(word);
    Invocation invocation;
    if (const auto file = line.value("config")) invocation.config = *file;
    invocation.json = line.toggle("json");
    if (!line.words.empty()) invocation.arguments.assign(line.words.begin() + 1, line.words.end());
    invocation.trace = line.toggle("trace");
    if (invocation.json && !verb.has_json) {
        throw UsageError("--json goes with names, query and status");
    }
    if (invocation.trace && !verb.has_trace) throw UsageError("--trace goes with query");
    if (invocation.arguments.size() < verb.arguments_min) {
        throw UsageError("'" + word + "' needs a NAME");
    }
    if (invocation.arguments.size() > verb.arguments_max) {
        throw UsageError("'" + word + "' takes no '" + invocation.arguments[verb.arguments_max] +
                         "'");
    }
    return verb.run(invocation);
}

/// The one place where exceptions become exit codes.
ExitCode run(std::span<const char* const> argv) {
    const bool as_coredns = coredns::is_meant(argv);
    try {
        const auto arguments = argv.subspan(argv.empty() ? 0 : 1);
        return as_coredns ? coredns::run(arguments) : dispatch(arguments);
    } catch (const UsageError& error) {
        log::error(std::string{error.what()} +
                   (as_coredns ? " (see coredns -help)" : " (see meshgate-dns --help)"));
        return ExitCode::usage;
    } catch (const conf::Error& error) {
        for (const auto& diagnostic : error.diagnostics()) log::error(diagnostic.to_string());
        return ExitCode::bad_config;
    } catch (const UnknownUser& error) {
        log::error(error.what());
        return ExitCode::bad_config;
    } catch (const NotPermitted& error) {
        log::error(error.what());
        return ExitCode::not_permitted;
    } catch (const std::exception& error) {
        log::error(error.what());
        return ExitCode::failed;
    }
}

}  // namespace
}  // namespace meshgate::dnsd

int main(int argc, char** argv) {
    meshgate::log::configure("meshgate-dns", meshgate::log::Level::notice);
    const auto code = meshgate::dnsd::run({argv, static_cast<std::size_t>(argc)});
    std::cout.flush();
    if (!std::cout && code == meshgate::ExitCode::done) {
        meshgate::log::error("standard output: the data could not be written");
        return static_cast<int>(meshgate::ExitCode::failed);
    }
    return static_cast<int>(code);
}
