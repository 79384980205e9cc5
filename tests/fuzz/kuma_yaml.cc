// Any bytes as Kuma's YAML: what is read can be written as TOML and read back, or it is refused
// with a place.
#include "conf/kuma/file.h"
#include "conf/redirect_toml.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace meshgate::conf;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    kuma::is_kuma_file("x", text);
    kuma::Wishes wishes;
    try {
        kuma::apply_file(text, "x", wishes);
    } catch (const Error& error) {
        if (error.diagnostics().empty()) std::abort();
        for (const auto& one : error.diagnostics()) {
            if (one.where.file != "x") std::abort();
        }
        return 0;
    }
    if (!contradictions(wishes.config).empty()) return 0;
    if (parse(redirect_toml(wishes.config), "x").config != wishes.config) std::abort();
    return 0;
}
