#include "src/meshgate-dns/coredns/command_line.h"

#include "src/common/command_line.h"
#include "src/meshgate-dns/verbs.h"

#include <charconv>

namespace meshgate::coredns {
namespace {

/// A flag's name without its dashes, and what stands behind '='.
struct Flag {
    std::string_view name;
    std::optional<std::string_view> value;
};

std::optional<Flag> as_flag(std::string_view argument) {
    if (argument.size() < 2 || argument[0] != '-') return std::nullopt;
    argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
    const auto equals = argument.find('=');
    if (equals == std::string_view::npos) return Flag{argument, std::nullopt};
    return Flag{argument.substr(0, equals), argument.substr(equals + 1)};
}

conf::Port parse_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535) {
        throw UsageError("-dns.port: '" + std::string{text} + "' is no port of 1 to 65535");
    }
    return static_cast<conf::Port>(port);
}

bool parse_switch(const Flag& flag) {
    if (!flag.value || *flag.value == "true" || *flag.value == "1") return true;
    if (*flag.value == "false" || *flag.value == "0") return false;
    throw UsageError("-" + std::string{flag.name} + " is true or false, not '" +
                     std::string{*flag.value} + "'");
}

bool* switch_of(CommandLine& line, std::string_view name) {
    if (name == "quiet") return &line.quiet;
    if (name == "version") return &line.version;
    if (name == "plugins") return &line.plugins;
    if (name == "help" || name == "h") return &line.help;
    return nullptr;
}

void set(CommandLine& line, std::string_view name, std::string_view value) {
    if (name == "conf") {
        line.corefile = value;
        line.explicit_corefile = true;
    } else if (name == "dns.port" || name == "p") {
        line.port = parse_port(value);
    } else {
        line.pidfile = value;
    }
}

bool takes_value(std::string_view name) {
    return name == "conf" || name == "dns.port" || name == "p" || name == "pidfile";
}

}  // namespace

std::string version_line() {
    return "CoreDNS-" + std::string{level} + "+meshgate." + dnsd::version;
}

CommandLine parse_arguments(std::span<const char* const> arguments) {
    CommandLine line;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string argument = arguments[i];
        const auto flag = as_flag(argument);
        if (!flag) throw UsageError("there is no argument '" + argument + "'");
        if (bool* const toggle = switch_of(line, flag->name)) {
            *toggle = parse_switch(*flag);
        } else if (!takes_value(flag->name)) {
            throw UsageError("unknown flag '" + argument + "'");
        } else if (flag->value) {
            set(line, flag->name, *flag->value);
        } else if (i + 1 < arguments.size()) {
            set(line, flag->name, arguments[++i]);
        } else {
            throw UsageError("'" + argument + "' needs a value");
        }
    }
    return line;
}

bool is_meant(std::span<const char* const> argv) {
    if (argv.empty()) return false;
    const std::string_view program = argv[0];
    if (program.substr(program.rfind('/') + 1) == "coredns") return true;
    if (argv.size() < 2) return false;
    const auto flag = as_flag(argv[1]);
    if (!flag) return false;
    return takes_value(flag->name) || flag->name == "quiet" || flag->name == "plugins";
}

}  // namespace meshgate::coredns
