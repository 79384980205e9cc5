#include "conf/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace meshgate::conf {
namespace {

/// "N" or "N-M", min..max, N <= M, decimal digits only.
template <class Number>
std::optional<std::pair<Number, Number>> parse_range(std::string_view text, Number min,
                                                     Number max) noexcept {
    const char* const end = text.data() + text.size();
    Number first = 0;
    auto parsed = std::from_chars(text.data(), end, first);
    if (text.empty() || parsed.ec != std::errc{}) return std::nullopt;
    Number last = first;
    if (parsed.ptr != end) {
        if (*parsed.ptr != '-') return std::nullopt;
        parsed = std::from_chars(parsed.ptr + 1, end, last);
        if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    }
    if (first < min || last > max || first > last) return std::nullopt;
    return std::pair{first, last};
}

/// Decimal, or hexadecimal after "0x".
std::optional<Mark> parse_mark_number(std::string_view text) noexcept {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
        base = 16;
    }
    Mark number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number, base);
    if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return number;
}

bool is_label_byte(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string to_lower(std::string_view text) {
    std::string lower{text};
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return lower;
}

}  // namespace

std::optional<PortRange> parse_port_range(std::string_view text) noexcept {
    const auto range = parse_range<Port>(text, 1, 65535);
    if (!range) return std::nullopt;
    return PortRange{range->first, range->second};
}

std::optional<UidRange> parse_uid_range(std::string_view text) noexcept {
    const auto range = parse_range<Uid>(text, 0, uid_max);
    if (!range) return std::nullopt;
    return UidRange{range->first, range->second};
}

std::optional<GidRange> parse_gid_range(std::string_view text) noexcept {
    const auto range = parse_range<Gid>(text, 0, gid_max);
    if (!range) return std::nullopt;
    return GidRange{range->first, range->second};
}

std::optional<MaskedMark> parse_mark(std::string_view text) noexcept {
    const auto slash = text.find('/');
    const auto value = parse_mark_number(text.substr(0, slash));
    if (!value) return std::nullopt;
    if (slash == text.npos) return MaskedMark{*value};
    const auto mask = parse_mark_number(text.substr(slash + 1));
    if (!mask) return std::nullopt;
    return MaskedMark{*value, *mask};
}

std::string_view mark_fault(const MaskedMark& mark) noexcept {
    if ((mark.value & ~mark.mask) != 0) {
        return "the mark has bits outside of its mask: no packet has it";
    }
    if (mark.value == 0) return "packets without any mark have 0: nothing would be captured";
    return {};
}

std::optional<std::string> parse_name(std::string_view text, Wildcard wildcard) {
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty() || text.size() > 253) return std::nullopt;
    std::string name = to_lower(text);
    std::string_view rest = name;
    if (wildcard == Wildcard::yes && rest.starts_with("*.")) rest.remove_prefix(2);
    while (true) {
        const auto dot = std::min(rest.find('.'), rest.size());
        const auto label = rest.substr(0, dot);
        if (label.empty() || label.size() > 63) return std::nullopt;
        if (!std::all_of(label.begin(), label.end(), is_label_byte)) return std::nullopt;
        if (dot == rest.size()) return name;
        rest.remove_prefix(dot + 1);
    }
}

bool is_user_name(std::string_view text) noexcept {
    if (text.empty() || text.size() > 255 || text.front() == '-') return false;
    const auto odd = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= 0x20 || byte == 0x7f || c == ':' || c == '/' || c == ',';
    };
    if (std::any_of(text.begin(), text.end(), odd)) return false;
    return !std::all_of(text.begin(), text.end(),
                        [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
}

bool is_interface_pattern(std::string_view name) noexcept {
    if (name.empty() || name.size() > 15 || name == "+" || name == "*") return false;
    const auto body =
        name.ends_with('+') || name.ends_with('*') ? name.substr(0, name.size() - 1) : name;
    return std::none_of(body.begin(), body.end(), [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == '/' || c == ':' || c == '"' ||
               c == '*' || c == '\\';
    });
}

bool is_log_prefix(std::string_view text) noexcept {
    // nft's text has no escapes, and "$" is a variable there
    return text.size() <= 29 && std::all_of(text.begin(), text.end(), [](char c) {
               return c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '\'' && c != '$';
           });
}

bool is_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
        if (lead == 0 || (lead >= 0x80 && lead < 0xc2) || lead > 0xf4) return false;
        if (more >= text.size() - i) return false;
        // The second byte keeps overlong forms, surrogates and what is above U+10FFFF out.
        const unsigned least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        const unsigned most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        for (std::size_t k = 1; k <= more; ++k) {
            const auto byte = static_cast<unsigned char>(text[i + k]);
            if (byte < (k == 1 ? least : 0x80) || byte > (k == 1 ? most : 0xbf)) return false;
        }
        i += more + 1;
    }
    return true;
}

std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units,
                                            std::int64_t max) noexcept {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end == text.data() || number < 0) return std::nullopt;
    const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
    const auto unit = std::find_if(units.begin(), units.end(),
                                   [suffix](const Unit& u) { return u.suffix == suffix; });
    if (unit == units.end() || number > max / unit->factor) return std::nullopt;
    return number * unit->factor;
}

std::optional<std::uint32_t> parse_seconds(std::string_view text) noexcept {
    static constexpr std::array<Unit, 4> units{{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
    const auto seconds = parse_with_unit(text, units, 2147483647);
    if (!seconds) return std::nullopt;
    return static_cast<std::uint32_t>(*seconds);
}

std::optional<std::chrono::milliseconds> parse_milliseconds(std::string_view text) noexcept {
    static constexpr std::array<Unit, 4> units{
        {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
    const auto number = parse_with_unit(text, units, 2147483647);
    if (!number) return std::nullopt;
    return std::chrono::milliseconds{*number};
}

std::string in_quotes(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out = "'";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += {'\\', 'x', hex[byte >> 4U], hex[byte & 0xfU]};
        } else {
            out += c;
        }
    }
    return out + "'";
}

}  // namespace meshgate::conf
