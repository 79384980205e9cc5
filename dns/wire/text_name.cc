#include "dns/wire/text_name.h"

#include "dns/wire/question.h"

#include <algorithm>

namespace meshgate::dns::wire {
namespace {

constexpr std::size_t label_bytes_max = 63;

constexpr std::uint8_t to_lower(char c) noexcept {
    return static_cast<std::uint8_t>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool is_plain(std::uint8_t c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '*';
}

void append_escaped(std::string& text, std::uint8_t c) {
    if (is_plain(c)) {
        text += static_cast<char>(c);
        return;
    }
    text += '\\';
    text += static_cast<char>('0' + c / 100);
    text += static_cast<char>('0' + c / 10 % 10);
    text += static_cast<char>('0' + c % 10);
}

}  // namespace

std::vector<std::uint8_t> to_wire(std::string_view name) {
    std::vector<std::uint8_t> out;
    if (name.ends_with('.')) name.remove_suffix(1);
    while (!name.empty()) {
        const auto dot = std::min(name.find('.'), name.size());
        if (dot == 0 || dot > label_bytes_max || dot + 1 == name.size()) return {};
        out.push_back(static_cast<std::uint8_t>(dot));
        std::transform(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot),
                       std::back_inserter(out), to_lower);
        name.remove_prefix(std::min(dot + 1, name.size()));
    }
    out.push_back(0);
    if (out.size() > name_bytes_max) return {};
    return out;
}

std::string to_text(std::span<const std::uint8_t> wire_name) {
    std::string text;
    for (std::size_t at = 0; at < wire_name.size() && wire_name[at] != 0;) {
        if (!text.empty()) text += '.';
        const std::size_t end = std::min(at + 1 + wire_name[at], wire_name.size());
        for (++at; at < end; ++at) append_escaped(text, wire_name[at]);
    }
    return text.empty() ? "." : text;
}

}  // namespace meshgate::dns::wire
