#include "conf/corefile/corefile.h"

#include "conf/corefile/directives.h"
#include "conf/corefile/keys.h"

#include <algorithm>
#include <utility>

namespace meshgate::conf::corefile {
namespace {

void check(const ServerBlock& block, std::vector<Diagnostic>& errors) {
    if (!block.alternates.empty() && block.forwards.empty()) {
        errors.push_back({block.alternates.front().where,
                          "'alternate' needs a 'forward' in its block, whose replies it looks at"});
    }
}

}  // namespace

Corefile parse(std::string_view text, std::string_view name, Port default_port) {
    const auto raw = parse_blocks(tokenize(text, name));
    if (raw.empty()) {
        throw Error({{{std::string{name}, 0, 0}, "no server block, such as '.:53 { ... }'"}});
    }
    Corefile file;
    Problems problems;
    std::string resolv_conf;
    for (const RawBlock& one : raw) {
        ServerBlock block;
        block.keys = read_keys(one.keys, default_port, problems);
        Reading reading{file, block, resolv_conf, problems};
        for (const Line& line : one.directives) read_directive(line, reading);
        file.blocks.push_back(std::move(block));
    }
    auto errors = problems.take_errors();
    if (errors.empty()) {
        for (const ServerBlock& block : file.blocks) check(block, errors);
        refuse_twins(file.blocks, errors);
    }
    if (!errors.empty()) throw Error(std::move(errors));
    if (!resolv_conf.empty()) file.resolv_conf = resolv_conf;
    file.warnings = problems.take_warnings();
    return file;
}

}  // namespace meshgate::conf::corefile
