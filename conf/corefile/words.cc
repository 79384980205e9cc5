#include "conf/corefile/words.h"

#include "conf/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace meshgate::conf::corefile {
namespace {

constexpr std::array<std::string_view, 11> rcodes{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                  "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                                  "NXRRSET", "NOTAUTH", "NOTZONE"};

// The longer suffix first.
constexpr std::array<std::pair<std::string_view, double>, 7> units{{{"ns", 1e-6},
                                                                    {"us", 1e-3},
                                                                    {"\xc2\xb5s", 1e-3},
                                                                    {"ms", 1},
                                                                    {"s", 1e3},
                                                                    {"m", 60e3},
                                                                    {"h", 3600e3}}};
constexpr double year = 365.0 * 24 * 3600e3;

/// Takes a number and its unit off the front. @return milliseconds; negative: neither is there.
double take_part(std::string_view& text) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || number < 0) return -1;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    for (const auto& [suffix, factor] : units) {
        if (!text.starts_with(suffix)) continue;
        text.remove_prefix(suffix.size());
        return number * factor;
    }
    return -1;
}

}  // namespace

std::string to_upper(std::string_view word) {
    std::string upper{word};
    std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return upper;
}

std::optional<std::uint8_t> parse_rcode(std::string_view word) {
    const auto* const found = std::find(rcodes.begin(), rcodes.end(), to_upper(word));
    if (found == rcodes.end()) return std::nullopt;
    return static_cast<std::uint8_t>(found - rcodes.begin());
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view word) {
    if (word == "0") return std::chrono::milliseconds{0};
    double sum = 0;
    if (word.empty()) return std::nullopt;
    while (!word.empty()) {
        const double part = take_part(word);
        if (part < 0) return std::nullopt;
        sum += part;
    }
    if (!(sum <= year)) return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(sum)};
}

std::optional<std::uint32_t> parse_number(std::string_view word, std::uint32_t max) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc{} || end != word.data() + word.size() || number > max) {
        return std::nullopt;
    }
    return number;
}

std::optional<std::string> parse_zone(std::string_view word) {
    if (word == ".") return "";
    return parse_name(word);
}

}  // namespace meshgate::conf::corefile
