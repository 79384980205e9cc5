#include "src/common/command_line.h"

#include "src/common/nearest.h"

#include <algorithm>

namespace meshgate {
namespace {

[[noreturn]] void unknown_option(std::string_view name, std::span<const Option> known) {
    std::vector<std::string_view> names;
    names.reserve(known.size());
    for (const Option& option : known) names.push_back(option.name);
    std::string message = "unknown option '--" + std::string{name} + "'";
    if (const auto near = nearest(name, names); !near.empty()) {
        message += ", did you mean '--" + std::string{near} + "'?";
    }
    throw UsageError(message);
}

const Option& find(std::string_view name, std::span<const Option> known) {
    const auto found = std::find_if(known.begin(), known.end(),
                                    [name](const Option& option) { return option.name == name; });
    if (found == known.end()) unknown_option(name, known);
    return *found;
}

std::string toggle_value(std::string_view name, std::optional<std::string_view> given) {
    if (!given || *given == "true" || *given == "1") return "true";
    if (*given == "false" || *given == "0") return "false";
    throw UsageError("option '--" + std::string{name} + "' takes true or false, not '" +
                     std::string{*given} + "'");
}

}  // namespace

std::optional<std::string> CommandLine::value(std::string_view name) const {
    for (auto it = options.rbegin(); it != options.rend(); ++it) {
        if (it->first == name) return it->second;
    }
    return std::nullopt;
}

bool CommandLine::toggle(std::string_view name) const {
    return value(name) == "true";
}

CommandLine parse_command_line(std::span<const char* const> arguments,
                               std::span<const Option> known) {
    CommandLine line;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string_view argument = arguments[i];
        if (argument == "-h") argument = "--help";
        if (argument == "--") {
            line.words.insert(line.words.end(),
                              arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                              arguments.end());
            break;
        }
        if (!argument.starts_with("-") || argument == "-") {
            line.words.emplace_back(argument);
            continue;
        }
        if (!argument.starts_with("--")) {
            throw UsageError("unknown option '" + std::string{argument} +
                             "'; options start with --");
        }
        const auto equals = argument.find('=');
        const std::string_view name =
            argument.substr(2, equals == argument.npos ? equals : equals - 2);
        std::optional<std::string_view> given;
        if (equals != argument.npos) given = argument.substr(equals + 1);
        const Option& option = find(name, known);
        if (option.kind == Option::Kind::toggle) {
            line.options.emplace_back(name, toggle_value(name, given));
            continue;
        }
        if (!given) {
            if (i + 1 == arguments.size()) {
                throw UsageError("option '--" + std::string{name} + "' needs a value");
            }
            given = arguments[++i];
        }
        line.options.emplace_back(name, *given);
    }
    return line;
}

}  // namespace meshgate
