#pragma once

#include "conf/config.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::conf {

inline constexpr std::string_view default_path = "/etc/meshgate/meshgate.toml";

/// One thing that is wrong, or worth a word, at one place.
struct Diagnostic {
    Location where;
    std::string message;

    [[nodiscard]] std::string to_string() const;  ///< "file:line:col: message"
};

/// Everything that is wrong with a configuration, in file order. what() has one line for each.
class Error : public std::runtime_error {
public:
    explicit Error(std::vector<Diagnostic> diagnostics);
    [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const noexcept {
        return diagnostics_;
    }

private:
    std::vector<Diagnostic> diagnostics_;
};

struct Loaded {
    Config config;
    std::vector<Diagnostic> warnings;          ///< e.g. a service without endpoints
    std::uint64_t resources_signature = 0;     ///< conf/kuma/resource_folder.h, before it was read
    std::set<std::string, std::less<>> given;  ///< keys that the file has: "redirect.inbound.port"
};

/// Parses TOML text strictly; `name` is the file named in messages.
/// @throws Error with every unknown key, wrong type, value out of range and contradiction found.
Loaded parse(std::string_view text, std::string_view name);

/// The bytes of a file, "-" for standard input; at most 256 MiB. @throws Error when it cannot be
/// read.
std::string read_text(const std::string& file);

/// Reads a file, "-" for standard input. An unreadable or missing file is an Error too.
Loaded load(const std::string& file);

/// What both programs do: `--config FILE` if given, else default_path if it exists, else the
/// defaults.
Loaded load_or_default(const std::optional<std::string>& explicit_file);

/// The contradictions that flags can cause after parsing (include with exclude in one direction,
/// equal ports, no proxy but capture on). Empty when there are none. parse() has called it already.
std::vector<Diagnostic> contradictions(const Config& config);

}  // namespace meshgate::conf
