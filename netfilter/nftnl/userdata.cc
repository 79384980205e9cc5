#include "netfilter/nftnl/userdata.h"

#include <cstring>
#include <stdexcept>

namespace meshgate::netfilter {

namespace {

constexpr std::size_t header_bytes = 2;         // type, length
constexpr std::uint8_t table_comment_type = 0;  // NFTNL_UDATA_TABLE_COMMENT

void put(Userdata& userdata, std::uint8_t type, std::span<const std::uint8_t> value) {
    userdata.push_back(type);
    userdata.push_back(static_cast<std::uint8_t>(value.size()));
    userdata.insert(userdata.end(), value.begin(), value.end());
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
    Userdata userdata;
    put_text(userdata, table_comment_type, ownership_words(ownership));
    return userdata;
}

std::optional<Ownership> read_ownership(std::span<const std::uint8_t> userdata) {
    const auto text = find_text(userdata, table_comment_type);
    return text ? parse_ownership(*text) : std::nullopt;
}

}  // namespace meshgate::netfilter
