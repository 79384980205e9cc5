#pragma once

#include <string>
#include <string_view>

namespace meshgate::redirect {

/// Control characters as \xNN: what others put into the table does not command the terminal.
std::string printable(std::string_view text);

}  // namespace meshgate::redirect
