// A Corefile, from any bytes: it is read, or there is an error with a place.
#include "conf/corefile/corefile.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace meshgate::conf;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto file = corefile::parse({reinterpret_cast<const char*>(data), size}, "Corefile");
        if (file.blocks.empty()) std::abort();
        for (const auto& block : file.blocks) {
            if (block.keys.empty()) std::abort();
            for (const auto& forward : block.forwards) {
                if (forward.upstreams.empty() || forward.upstreams.size() > 15) std::abort();
            }
        }
    } catch (const Error& error) {
        if (error.diagnostics().empty()) std::abort();
    }
    return 0;
}
