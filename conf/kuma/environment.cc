#include "conf/kuma/environment.h"

#include "src/common/nearest.h"

#include <unistd.h>

#include <algorithm>

namespace meshgate::conf::kuma {
namespace {

constexpr std::string_view variable_prefix = "KUMA_TRANSPARENT_PROXY_";

[[noreturn]] void refuse_unknown(std::string_view suffix, Value variable) {
    std::vector<std::string_view> names;
    for (const Setting& setting : settings()) {
        if (!setting.environment.empty()) names.push_back(setting.environment);
    }
    std::string message = "there is no such variable";
    if (const auto near = nearest(suffix, names); !near.empty()) {
        message.append(", did you mean ").append(variable_prefix).append(near) += "?";
    }
    refuse(variable, message);
}

}  // namespace

void apply_environment(std::span<const std::string> variables, Wishes& to) {
    for (const std::string& variable : variables) {
        const auto equals = variable.find('=');
        if (!variable.starts_with(variable_prefix) || equals == variable.npos) continue;
        const std::string name = variable.substr(0, equals);
        const Value value{variable.substr(equals + 1), {name, 0, 0}};
        const auto suffix = std::string_view{name}.substr(variable_prefix.size());
        const auto all = settings();
        const auto found = std::ranges::find(all, suffix, &Setting::environment);
        if (suffix.empty() || found == all.end()) refuse_unknown(suffix, value);
        if (!value.text.empty()) apply(*found, name, divided_values(*found, value), to);
    }
}

std::vector<std::string> process_environment() {
    std::vector<std::string> variables;
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view variable = *entry;
        if (variable.starts_with(variable_prefix) && !variable.ends_with('=')) {
            variables.emplace_back(variable);
        }
    }
    return variables;
}

}  // namespace meshgate::conf::kuma
