#include "src/common/log.h"
#include "src/meshgate-redirect/network_listeners.h"
#include "src/meshgate-redirect/setup.h"
#include "src/meshgate-redirect/verbs.h"

namespace meshgate::redirect {

ExitCode check(const Invocation& invocation) {
    const auto setup = make_setup(invocation);
    for (const auto& line : unheard_networks(setup.config, interface_addresses())) {
        log::warning(line);
    }
    return ExitCode::done;
}

}  // namespace meshgate::redirect
