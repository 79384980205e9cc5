#pragma once

#include "conf/corefile/corefile.h"
#include "conf/corefile/line_reader.h"

namespace meshgate::conf::corefile {

/// What a server block is for: ".", "example.org:1053", "dns://.:53".
std::vector<ServerBlock::Key> read_keys(const std::vector<Token>& tokens, Port default_port,
                                        Problems& problems);

/// An error for each zone and port that two blocks have, unless they are bound to addresses of
/// their own.
void refuse_twins(const std::vector<ServerBlock>& blocks, std::vector<Diagnostic>& errors);

}  // namespace meshgate::conf::corefile
