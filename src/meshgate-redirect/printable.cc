#include "src/meshgate-redirect/printable.h"

namespace meshgate::redirect {

std::string printable(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            result += c;
        } else {
            result += "\\x";
            result += hex[byte >> 4U];
            result += hex[byte & 0xfU];
        }
    }
    return result;
}

}  // namespace meshgate::redirect
