#pragma once

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meshgate {

/// An option a program knows: "--name VALUE", "--name=VALUE", or a switch: "--name",
/// "--name=true|false".
struct Option {
    enum class Kind : unsigned char { value, toggle };
    std::string_view name;  ///< without the dashes
    Kind kind = Kind::value;
};

/// A command line that makes no sense; what() is the whole message. Exit code 2.
class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Words and options of a command line, which may come in any order (GNU style); "--" ends the
/// options.
struct CommandLine {
    std::vector<std::string> words;  ///< verb and its arguments
    std::vector<std::pair<std::string, std::string>>
        options;  ///< in order; a toggle's value is "true" or "false"

    [[nodiscard]] std::optional<std::string>
    value(std::string_view name) const;                      ///< the last one given
    [[nodiscard]] bool toggle(std::string_view name) const;  ///< false when not given
};

/// @throws UsageError naming the nearest known option for an unknown one.
CommandLine parse_command_line(std::span<const char* const> arguments,
                               std::span<const Option> known);

}  // namespace meshgate
