#pragma once

#include "conf/config.h"

#include <sys/types.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::redirect {

/// What can be seen of the guard of this network namespace.
struct GuardView {
    bool is_wanted = false;    ///< its unit is enabled, or [guard] says something of its own
    std::string wanted_by;     ///< why that is thought
    std::optional<pid_t> pid;  ///< of the one that runs
    std::string command_line;  ///< of that
    bool is_fight = false;     ///< it backs off
    std::vector<std::string> complaints;  ///< why it is not ready
    std::map<std::string, std::string> repairs;  ///< by program: how often
};

/// @param folders  where systemd looks for what is enabled
std::optional<std::string> enabled_unit(std::string_view unit,
                                        std::span<const std::string> folders);

/// The samples of one family of the text that Prometheus reads: label and value.
std::map<std::string, std::string> samples_of(std::string_view metrics, std::string_view family);

/// Looks for the guard and asks it. @param not_looked_at  gets what could not be found out
GuardView see_guard(const conf::Guard& guard, std::vector<std::string>& not_looked_at);

}  // namespace meshgate::redirect
