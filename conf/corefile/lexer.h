#pragma once

#include "conf/config.h"

#include <string>
#include <string_view>
#include <vector>

/// The configuration files of coredns, as Kuma writes them and people vary them.
namespace meshgate::conf::corefile {

inline constexpr std::size_t text_bytes_max = std::size_t{4} << 20;
inline constexpr std::size_t tokens_max = 200'000;

/// A word of a Corefile, with {$NAME} and {%NAME%} replaced by the environment.
struct Token {
    std::string text;
    Location where;
    bool quoted = false;
    bool begins_line = false;
};

/// Splits a Corefile into its words: separated by blanks, "..." holds blanks and \" a quote, `#`
/// begins a comment.
/// @param name  the file, for messages.
/// @throws Error for a quote that is not closed, or what is above the bounds.
std::vector<Token> tokenize(std::string_view text, std::string_view name);

}  // namespace meshgate::conf::corefile
