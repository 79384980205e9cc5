#pragma once

#include "src/common/command_line.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meshgate::redirect {

enum class Verb : std::uint8_t {
    install,
    uninstall,
    status,
    diff,
    check,
    import,
    explain,
    confirm,
    guard,
    doctor
};
enum class Format : std::uint8_t { nft, json, iptables };

/// A command line, understood.
struct Invocation {
    Verb verb = Verb::install;
    std::vector<std::string> configs;  ///< --config, in order; "-" is standard input
    std::optional<bool> verbose;       ///< unset: as the environment says, or not
    std::optional<bool> dry_run;       ///< unset: as the environment says, or not
    bool replace = false;  ///< the captures of other meshes go
    bool json = false;
    bool send_probes = false;  ///< of doctor and install: --probe
    Format format = Format::nft;
    bool flush_connections = false;             ///< of install and uninstall
    std::optional<std::chrono::seconds> drain;  ///< of uninstall: how long, 1 s to 1 h
    std::optional<std::chrono::seconds> confirm;  ///< of install: within what time, 1 s to 1 h
    bool undo = false;                            ///< of confirm: put the previous state back
    std::vector<std::string> arguments;         ///< of explain: the words after it
    /// The options of explain, for parse_probe(); batch and planned too.
    std::vector<std::pair<std::string, std::string>> probe;
    /// kumactl's flags, in order, for apply_flags().
    std::vector<std::pair<std::string, std::string>> flags;
};

/// For parse_command_line(): --help and --version too, which are the caller's.
std::span<const Option> known_options();

/// @throws UsageError for an unknown verb or word, for an option of another verb, and for a value
/// that is none.
Invocation parse_invocation(const CommandLine& line);

}  // namespace meshgate::redirect
