// Any bytes as a configuration, a resolv.conf and a state file: read or refused, never more.
#include "conf/load.h"
#include "conf/resolv_conf.h"
#include "dns/zone/vips.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try {
        meshgate::conf::parse(text, "x");
    } catch (const meshgate::conf::Error& error) {
        if (error.diagnostics().empty()) std::abort();
    }
    try {
        const auto state = meshgate::dns::zone::parse_state(text, "x");
        const auto again =
            meshgate::dns::zone::parse_state(meshgate::dns::zone::to_text(state), "x");
        if (!(again == state)) std::abort();
    } catch (const meshgate::conf::Error&) {
    }
    for (const auto& server : meshgate::conf::parse_resolv_conf(text)) {
        if (server.port != 53) std::abort();
    }
    return 0;
}
