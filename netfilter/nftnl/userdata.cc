#include "netfilter/nftnl/userdata.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace meshgate::netfilter {

namespace {

constexpr std::size_t header_bytes = 2;         // type, length
constexpr std::uint8_t table_comment_type = 0;  // NFTNL_UDATA_TABLE_COMMENT
constexpr std::string_view owner = "meshgate";

void put(Userdata& userdata, std::uint8_t type, std::span<const std::uint8_t> value) {
    userdata.push_back(type);
    userdata.push_back(static_cast<std::uint8_t>(value.size()));
    userdata.insert(userdata.end(), value.begin(), value.end());
}

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
    return true;  // words of a later format are passed over
}

}  // namespace

void put_text(Userdata& userdata, std::uint8_t type, std::string_view text) {
    if (text.empty()) return;
    if (text.size() > max_comment_bytes) throw std::length_error("comment of more than 128 bytes");
    std::vector<std::uint8_t> value(text.begin(), text.end());
    value.push_back(0);
    put(userdata, type, value);
}

void put_u32(Userdata& userdata, std::uint8_t type, std::uint32_t number) {
    std::uint8_t value[sizeof number];
    std::memcpy(value, &number, sizeof number);
    put(userdata, type, value);
}

std::optional<std::string_view> find_text(std::span<const std::uint8_t> userdata,
                                          std::uint8_t type) noexcept {
    while (userdata.size() >= header_bytes) {
        const std::size_t length = userdata[1];
        if (userdata.size() - header_bytes < length) return std::nullopt;
        if (userdata[0] == type) {
            const auto value = userdata.subspan(header_bytes, length);
            if (value.empty() || value.back() != 0) return std::nullopt;
            const std::string_view text{reinterpret_cast<const char*>(value.data()), length - 1};
            if (text.find('\0') != std::string_view::npos) return std::nullopt;
            return text;
        }
        userdata = userdata.subspan(header_bytes + length);
    }
    return std::nullopt;
}

Userdata write_ownership(const Ownership& ownership) {
    std::string text{owner};
    text += " format=" + std::to_string(ownership.format);
    text += " version=" + ownership.version;
    text += " digest=" + ownership.digest;
    Userdata userdata;
    put_text(userdata, table_comment_type, text);
    return userdata;
}

std::optional<Ownership> read_ownership(std::span<const std::uint8_t> userdata) {
    auto text = find_text(userdata, table_comment_type);
    if (!text || take_word(*text) != owner) return std::nullopt;
    Ownership ownership{.format = 0, .version = {}, .digest = {}};
    while (!text->empty()) {
        if (!read_word(take_word(*text), ownership)) return std::nullopt;
    }
    if (ownership.format == 0) return std::nullopt;
    return ownership;
}

}  // namespace meshgate::netfilter
