#pragma once

#include "src/meshgate-redirect/invocation.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace meshgate::redirect {

/// What somebody asked for, so that it can be planned anew when the machine changes: files by their
/// absolute paths, flags, and the environment that is read.
struct Orders {
    std::vector<std::string> configs;
    std::vector<std::pair<std::string, std::string>> flags;
    std::vector<std::string> environment;  ///< "KUMA_TRANSPARENT_PROXY_...=..."

    friend bool operator==(const Orders&, const Orders&) = default;
};

/// None when it cannot be asked for again: a configuration from standard input.
std::optional<Orders> orders_of(const Invocation& invocation);

/// The same invocation, made again in another process.
Invocation invocation_of(const Orders& orders);
/// Has this process's environment say what the orders say.
void take_environment(const Orders& orders);

/// As lines "config PATH", "flag NAME VALUE", "environment NAME=VALUE". Empty for what has a line
/// break in it.
std::optional<std::vector<std::string>> to_lines(const Orders& orders);
/// None for anything else.
std::optional<Orders> parse_orders(const std::vector<std::string>& lines);

}  // namespace meshgate::redirect
