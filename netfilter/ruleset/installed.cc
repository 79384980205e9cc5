#include "netfilter/ruleset/installed.h"

#include <algorithm>
#include <charconv>

namespace meshgate::netfilter {
namespace {

constexpr std::string_view owner = "meshgate";

/// Cuts the next word off `text`; words are separated by single spaces.
std::string_view take_word(std::string_view& text) noexcept {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

bool read_word(std::string_view word, Ownership& ownership) {
    const auto value_of = [word](std::string_view key) -> std::optional<std::string_view> {
        if (!word.starts_with(key)) return std::nullopt;
        return word.substr(key.size());
    };
    if (const auto format = value_of("format=")) {
        const auto* end = format->data() + format->size();
        const auto [stop, error] = std::from_chars(format->data(), end, ownership.format);
        return error == std::errc{} && stop == end && ownership.format != 0;
    }
    if (const auto version = value_of("version=")) ownership.version = *version;
    if (const auto digest = value_of("digest=")) ownership.digest = *digest;
    if (word.starts_with("confirm:")) ownership.confirm = word;
    return true;
}

}  // namespace

std::string ownership_words(const Ownership& ownership) {
    return std::string{owner} + " format=" + std::to_string(ownership.format) +
           " version=" + ownership.version + " digest=" + ownership.digest +
           (ownership.confirm.empty() ? "" : " " + ownership.confirm);
}

std::optional<Ownership> parse_ownership(std::string_view words) {
    if (take_word(words) != owner) return std::nullopt;
    Ownership ownership{.format = 0, .version = {}, .digest = {}};
    while (!words.empty()) {
        if (!read_word(take_word(words), ownership)) return std::nullopt;
    }
    if (ownership.format == 0) return std::nullopt;
    return ownership;
}

}  // namespace meshgate::netfilter
