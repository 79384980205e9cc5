#include "dns/naming/template.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace meshgate::dns::naming;

/// First byte: which functions and what data there are; the rest is the template. Whatever it says
/// ends, with bounded text or a TemplateError that has a place within it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    const bool is_record = (data[0] & 1) != 0;
    TemplateData values;
    values.is_record = is_record;
    values.fields = {{"Name", "web"}, {"Zone", "east"}, {"service", "back_end"}, {"v", "1"}};
    values.labels = {{"kuma.io/zone", "east"}};
    try {
        const auto parsed = Template::parse(text, is_record);
        if (parsed.execute(values).size() > rendered_bytes_max) std::abort();
    } catch (const TemplateError& error) {
        if (error.line == 0 || error.column == 0 || error.line > size || error.column > size) {
            std::abort();
        }
    }
    return 0;
}
