#include "conf/load.h"
#include "dns/wire/text_name.h"
#include "src/common/command_line.h"
#include "src/common/log.h"
#include "src/meshgate-dns/admin_client.h"
#include "src/meshgate-dns/endpoints.h"
#include "src/meshgate-dns/verbs.h"

#include <algorithm>
#include <iostream>

namespace meshgate::dnsd {
namespace {

/// What may stand in the path of a request as it is.
bool is_plain(const std::string& name) {
    return std::all_of(name.begin(), name.end(), [](char c) {
        return c > ' ' && c <= '~' && c != '?' && c != '#' && c != '%';
    });
}

}  // namespace

ExitCode flush(const Invocation& invocation) {
    std::string path{flush_path};
    if (!invocation.arguments.empty()) {
        const std::string& name = invocation.arguments[0];
        if (!is_plain(name) || dns::wire::to_wire(name).empty()) {
            throw UsageError("'" + name + "' is no name");
        }
        path += "/" + name;
    }
    const conf::Loaded loaded = conf::load_or_default(invocation.config);
    const auto answer = ask_admin(loaded.config.dns, path, "POST");
    if (!answer) {
        log::error("not running");
        return ExitCode::absent;
    }
    std::cout << answer->body;
    return ExitCode::done;
}

}  // namespace meshgate::dnsd
