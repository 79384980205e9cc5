#include "src/meshgate-redirect/replace.h"

#include "src/common/errors.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/lacking.h"
#include "src/meshgate-redirect/vips.h"
#include "src/meshgate-redirect/zone.h"

#include <cerrno>

namespace meshgate::redirect {

std::vector<std::string> replace(Capture& capture, Setup& setup,
                                 const std::optional<Pending>& pending) {
    require_engine_for_vips(setup, capture.engine().name());
    try {
        return capture.replace(setup.plan, pending);
    } catch (const netfilter::KernelError& error) {
        if (error.error() == EPERM || is_passing(error.error())) throw;
        const auto trial = [&capture](const netfilter::Ruleset& ruleset) {
            return capture.engine().trial(ruleset);
        };
        if (leave_out_zone(setup, trial)) return replace(capture, setup, pending);
        const auto lacking = lacking_features(capture.engine());
        // Through iptables there are no VIPs: what nftables said is what there is to say.
        if (!has_kernel_vips(setup.config) && capture.turn_to_iptables()) {
            setup.notices.push_back(std::string{"nftables cannot hold the rules here ("} +
                                    (lacking.empty() ? error.what() : lacking.front()) +
                                    "): they are installed through iptables");
            return replace(capture, setup, pending);
        }
        for (const auto& line : lacking) log::error(line);
        throw;
    }
}

}  // namespace meshgate::redirect
