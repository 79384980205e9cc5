#pragma once

#include "conf/ranges.h"

#include <span>
#include <string>
#include <string_view>

/// meshgate-dns under the name of coredns, as kuma-dp starts it.
namespace meshgate::coredns {

/// The release of coredns whose Corefiles and flags are understood.
inline constexpr std::string_view level = "1.14.7";

/// What coredns says to --version, and kuma-dp looks for ("CoreDNS-(.*)"): the level, with our own
/// version as build metadata (semver.org, item 10).
std::string version_line();

struct CommandLine {
    std::string corefile = "Corefile";  ///< -conf
    bool explicit_corefile = false;
    conf::Port port = conf::dns_port;  ///< -dns.port, -p: of zones that name none
    std::string pidfile;               ///< -pidfile; empty: none
    bool quiet = false;                ///< -quiet: nothing is said at the start
    bool version = false;
    bool plugins = false;  ///< -plugins: lists the directives
    bool help = false;
};

/// Go's flags: one dash or two, "-name value", "-name=value", and "-name" for a switch.
/// @throws UsageError
CommandLine parse_arguments(std::span<const char* const> arguments);

/// Whether a program called `argv` is meant to be coredns: by its name, or by a first argument that
/// only coredns has.
bool is_meant(std::span<const char* const> argv);

}  // namespace meshgate::coredns
