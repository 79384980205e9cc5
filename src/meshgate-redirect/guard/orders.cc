#include "src/meshgate-redirect/guard/orders.h"

#include "conf/kuma/environment.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace meshgate::redirect {
namespace {

constexpr std::string_view variable_start = "KUMA_TRANSPARENT_PROXY_";
constexpr std::string_view config_line = "config ", flag_line = "flag ",
                           environment_line = "environment ";

bool has_line_break(const Orders& orders) {
    const auto breaks = [](const std::string& text) { return text.find('\n') != text.npos; };
    return std::ranges::any_of(orders.configs, breaks) ||
           std::ranges::any_of(orders.environment, breaks) ||
           std::ranges::any_of(orders.flags, [&breaks](const auto& flag) {
               return breaks(flag.first) || breaks(flag.second);
           });
}

}  // namespace

std::optional<Orders> orders_of(const Invocation& invocation) {
    Orders orders{.configs = {},
                  .flags = invocation.flags,
                  .environment = conf::kuma::process_environment()};
    for (const auto& config : invocation.configs) {
        if (config == "-") return std::nullopt;
        std::error_code error;
        orders.configs.push_back(std::filesystem::absolute(config, error).string());
    }
    return orders;
}

Invocation invocation_of(const Orders& orders) {
    Invocation invocation;
    invocation.verb = Verb::install;
    invocation.configs = orders.configs;
    invocation.flags = orders.flags;
    return invocation;
}

void take_environment(const Orders& orders) {
    for (const auto& old : conf::kuma::process_environment()) {
        ::unsetenv(old.substr(0, old.find('=')).c_str());
    }
    for (const auto& variable : orders.environment) {
        const auto equals = variable.find('=');
        if (equals == variable.npos) continue;
        ::setenv(variable.substr(0, equals).c_str(), variable.c_str() + equals + 1, 1);
    }
}

std::optional<std::vector<std::string>> to_lines(const Orders& orders) {
    if (has_line_break(orders)) return std::nullopt;
    std::vector<std::string> lines;
    for (const auto& config : orders.configs) lines.push_back(std::string{config_line} + config);
    for (const auto& [name, value] : orders.flags) {
        lines.push_back(std::string{flag_line} + name + " " + value);
    }
    for (const auto& variable : orders.environment) {
        lines.push_back(std::string{environment_line} + variable);
    }
    return lines;
}

std::optional<Orders> parse_orders(const std::vector<std::string>& lines) {
    Orders orders;
    for (const std::string_view line : lines) {
        if (line.starts_with(config_line)) {
            orders.configs.emplace_back(line.substr(config_line.size()));
        } else if (line.starts_with(flag_line)) {
            const auto rest = line.substr(flag_line.size());
            const auto blank = rest.find(' ');
            if (blank == rest.npos || blank == 0) return std::nullopt;
            orders.flags.emplace_back(rest.substr(0, blank), rest.substr(blank + 1));
        } else if (line.starts_with(environment_line)) {
            const auto variable = line.substr(environment_line.size());
            if (!variable.starts_with(variable_start)) return std::nullopt;
            orders.environment.emplace_back(variable);
        } else {
            return std::nullopt;
        }
    }
    return orders;
}

}  // namespace meshgate::redirect
