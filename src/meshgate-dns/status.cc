#include "conf/load.h"
#include "src/common/log.h"
#include "src/meshgate-dns/admin_client.h"
#include "src/meshgate-dns/verbs.h"

#include <iostream>

namespace meshgate::dnsd {

ExitCode status(const Invocation& invocation) {
    const conf::Loaded loaded = conf::load_or_default(invocation.config);
    const auto answer = ask_admin(loaded.config.dns, "/api/v1/status");
    if (!answer) {
        log::error("not running");
        return ExitCode::absent;
    }
    const StatusReport report = parse_status(answer->body);
    std::cout << (invocation.json ? answer->body : to_text(report));
    return ExitCode::done;
}

}  // namespace meshgate::dnsd
