#pragma once

#include <string>
#include <string_view>

namespace meshgate::dnsd {

/// A JSON string with its quotes (RFC 8259 section 7). Bytes that are not UTF-8 become U+FFFD, so
/// that the document always parses.
std::string json_string(std::string_view text);

}  // namespace meshgate::dnsd
