#include "conf/kuma/resource_folder.h"
#include "conf/load.h"
#include "src/meshgate-dns/catalogue.h"
#include "src/meshgate-dns/identity.h"
#include "src/meshgate-dns/verbs.h"

#include <unistd.h>

namespace meshgate::dnsd {

ExitCode check(const Invocation& invocation) {
    const conf::Loaded loaded = conf::kuma::load_with_resources(invocation.config);
    std::vector<std::string> warnings;
    const auto kept = read_kept_state(loaded.config.vip.state, warnings);
    // What serve would do, up to the point where it would touch the machine.
    [[maybe_unused]] const auto table = dns::zone::build(make_catalogue(loaded, kept).contents);
    if (loaded.config.dns.user) [[maybe_unused]]
        const auto user = choose_identity(loaded.config, ::geteuid());
    return ExitCode::done;
}

}  // namespace meshgate::dnsd
