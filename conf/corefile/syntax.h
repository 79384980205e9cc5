#pragma once

#include "conf/corefile/lexer.h"

#include <vector>

namespace meshgate::conf::corefile {

/// A directive, or a line of one's block: a word, what stands behind it, and what stands in braces.
struct Line {
    Token word;
    std::vector<Token> arguments;
    std::vector<Line> block;
};

/// A server block as it is written.
struct RawBlock {
    std::vector<Token> keys;  ///< never empty
    std::vector<Line> directives;
};

/// Finds the blocks, without a look at what the directives mean. A file of one block needs no
/// braces.
/// @throws Error at the first word that is out of place; for imports and snippets too.
std::vector<RawBlock> parse_blocks(const std::vector<Token>& tokens);

}  // namespace meshgate::conf::corefile
