// Any bytes as a file of Kuma's resources: read or refused, with places; what was read makes names, or
// says why not.
#include "conf/kuma/resources.h"
#include "dns/naming/names.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace meshgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try {
        conf::kuma::Resources resources;
        conf::kuma::read_resources(text, "f.yaml", conf::Mesh{}, resources);
        conf::Config config;
        config.services = resources.services;
        config.external_services = resources.external_services;
        config.virtual_outbounds = resources.virtual_outbounds;
        config.hostname_generators = resources.hostname_generators;
        for (const auto& vip : dns::naming::make_names(config).vips) {
            if (vip.key.empty() || vip.ports.empty() == vip.is_reachable) std::abort();
        }
    } catch (const conf::Error& error) {
        if (error.diagnostics().empty()) std::abort();
    }
    return 0;
}
