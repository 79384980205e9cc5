#pragma once

#include <string>
#include <string_view>

namespace meshgate {

/// `text` as a JSON string with its quotes (RFC 8259 section 7). Control characters and
/// bytes that are no UTF-8 are written as \u00XX: what comes out is valid whatever goes in.
std::string json_string(std::string_view text);

}  // namespace meshgate
