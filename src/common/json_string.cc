#include "src/common/json_string.h"

#include <algorithm>
#include <cstddef>

namespace meshgate {
namespace {

unsigned char byte_at(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
}

/// Bytes of the UTF-8 sequence (RFC 3629) that `text` starts with; 0 when it starts with none.
std::size_t sequence_bytes(std::string_view text) {
    const unsigned char lead = byte_at(text, 0);
    const std::size_t bytes = lead < 0x80                   ? 1
                              : lead >= 0xc2 && lead < 0xe0 ? 2
                              : lead >= 0xe0 && lead < 0xf0 ? 3
                              : lead >= 0xf0 && lead < 0xf5 ? 4
                                                            : 0;
    if (bytes == 0 || text.size() < bytes) return 0;
    const auto rest = text.substr(1, bytes - 1);
    if (std::ranges::any_of(rest, [](char c) { return (c & 0xc0) != 0x80; })) return 0;
    const unsigned char second = bytes > 2 ? byte_at(text, 1) : 0x90;
    const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool surrogate = lead == 0xed && second > 0x9f;
    const bool beyond = lead == 0xf4 && second > 0x8f;
    return overlong || surrogate || beyond ? 0 : bytes;
}

}  // namespace

std::string json_string(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string json = "\"";
    while (!text.empty()) {
        const auto bytes = sequence_bytes(text);
        const unsigned char first = byte_at(text, 0);
        if (bytes == 0 || first < 0x20 || first == 0x7f) {
            json += "\\u00";
            json += hex[first >> 4U];
            json += hex[first & 0xfU];
        } else {
            if (first == '"' || first == '\\') json += '\\';
            json += text.substr(0, bytes);
        }
        text.remove_prefix(std::max<std::size_t>(bytes, 1));
    }
    return json + '"';
}

}  // namespace meshgate
