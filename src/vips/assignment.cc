#include "src/vips/assignment.h"

#include <chrono>
#include <utility>
#include <vector>

namespace meshgate {

Assignment assign_vips(const conf::Config& config, const dns::zone::VipState& kept) {
    Assignment out{dns::naming::make_names(config), {}};
    std::vector<dns::zone::VipClaim> claims;
    claims.reserve(out.names.vips.size());
    for (const auto& one : out.names.vips) {
        claims.push_back({one.key, one.what, one.kind, one.pin4, one.pin6, one.where});
    }
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    out.allocation = dns::zone::allocate(claims, config.vip, kept, now);
    return out;
}

}  // namespace meshgate
