#include "dns/naming/template_nodes.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace meshgate::dns::naming {
namespace {

constexpr std::size_t width_max = 1000;

/// "%-08.3x": what stands between % and the verb, and the verb.
struct Directive {
    bool minus = false, plus = false, sharp = false, space = false, zero = false;
    std::size_t width = 0;
    std::optional<std::size_t> precision;
    char verb = 0;
};

std::size_t read_number(const std::string& format, std::size_t& at, Place place) {
    std::size_t value = 0;
    for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
        value = value * 10 + static_cast<std::size_t>(format[at] - '0');
        if (value > width_max) fail(place, "a width or precision over 1000 in printf");
    }
    return value;
}

Directive read_directive(const std::string& format, std::size_t& at, Place place) {
    Directive out;
    for (; at < format.size(); ++at) {
        switch (format[at]) {
        case '-':
            out.minus = true;
            continue;
        case '+':
            out.plus = true;
            continue;
        case '#':
            out.sharp = true;
            continue;
        case ' ':
            out.space = true;
            continue;
        case '0':
            out.zero = true;
            continue;
        default:
            break;
        }
        break;
    }
    out.width = read_number(format, at, place);
    if (at < format.size() && format[at] == '.') {
        ++at;
        out.precision = read_number(format, at, place);
    }
    if (at == format.size()) fail(place, "printf's format ends within a verb");
    out.verb = format[at++];
    if (out.verb == 'v') out.plus = false;  // "%+v" asks for the names of fields
    return out;
}

std::string padded(std::string text, const Directive& directive) {
    if (text.size() >= directive.width) return text;
    const std::size_t missing = directive.width - text.size();
    if (directive.minus) return text + std::string(missing, ' ');
    return std::string(missing, directive.zero ? '0' : ' ') + text;
}

std::string hex_of_text(const std::string& text, const Directive& directive) {
    const std::size_t bytes = std::min(text.size(), directive.precision.value_or(text.size()));
    std::string out = directive.sharp && bytes > 0 ? (directive.verb == 'x' ? "0x" : "0X") : "";
    for (std::size_t i = 0; i < bytes; ++i) {
        if (directive.space && i > 0) {
            out += directive.sharp ? (directive.verb == 'x' ? " 0x" : " 0X") : " ";
        }
        std::array<char, 3> digits{};
        std::snprintf(digits.data(), digits.size(), directive.verb == 'x' ? "%02x" : "%02X",
                      static_cast<unsigned>(static_cast<unsigned char>(text[i])));
        out += digits.data();
    }
    return out;
}

std::string format_text(const std::string& text, const Directive& directive, Place at) {
    switch (directive.verb) {
    case 's':
    case 'v':
        if (directive.sharp && directive.verb == 'v') break;
        return padded(text.substr(0, directive.precision.value_or(text.size())), directive);
    case 'x':
    case 'X':
        return padded(hex_of_text(text, directive), directive);
    default:
        break;
    }
    fail(at, std::string{"printf: %"} + directive.verb + " of a string");
}

std::string digits_of(std::uint64_t value, unsigned base, bool upper) {
    static constexpr std::string_view digits = "0123456789abcdef", large = "0123456789ABCDEF";
    std::string out;
    do {
        out += (upper ? large : digits)[value % base];
        value /= base;
    } while (value != 0);
    std::reverse(out.begin(), out.end());
    return out;
}

std::string format_number(std::int64_t number, const Directive& directive, Place at) {
    unsigned base = 10;
    std::string prefix;
    switch (directive.verb) {
    case 'd':
    case 'v':
        break;
    case 'b':
        base = 2, prefix = "0b";
        break;
    case 'o':
        base = 8, prefix = "0";
        break;
    case 'x':
        base = 16, prefix = "0x";
        break;
    case 'X':
        base = 16, prefix = "0X";
        break;
    case 'c':
        if (number > 0 && number < 0x80) return padded({static_cast<char>(number)}, directive);
        [[fallthrough]];
    default:
        fail(at, std::string{"printf: %"} + directive.verb + " of a number");
    }
    if (!directive.sharp || base == 10) prefix.clear();
    const std::uint64_t magnitude =
        number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    std::string digits = digits_of(magnitude, base, directive.verb == 'X');
    const std::string sign = number < 0 ? "-" : directive.plus ? "+" : directive.space ? " " : "";
    std::size_t least = directive.precision.value_or(0);
    if (directive.precision == 0 && number == 0) {
        Directive blank = directive;
        blank.zero = false;
        return padded("", blank);
    }
    if (directive.zero && !directive.minus && !directive.precision) {
        least = directive.width > sign.size() ? directive.width - sign.size() : 0;
    }
    if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
    if (directive.verb == 'o' && digits.starts_with('0')) prefix.clear();
    Directive spaces = directive;
    spaces.zero = false;
    return padded(sign + prefix + digits, spaces);
}

std::string format_value(const Value& value, const Directive& directive, Place at) {
    if (const auto* text = std::get_if<std::string>(&value)) {
        return format_text(*text, directive, at);
    }
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        return format_number(*number, directive, at);
    }
    if (const auto* truth = std::get_if<bool>(&value);
        truth != nullptr && (directive.verb == 't' || directive.verb == 'v')) {
        return padded(*truth ? "true" : "false", directive);
    }
    fail(at, std::string{"printf: %"} + directive.verb + " of what has no such form");
}

}  // namespace

std::string formatted(const std::string& format, const std::vector<Value>& arguments, Place at) {
    std::string out;
    std::size_t used = 0;
    for (std::size_t i = 0; i < format.size();) {
        if (format[i] != '%') {
            out += format[i++];
            continue;
        }
        const Directive directive = read_directive(format, ++i, at);
        if (directive.verb == '%') {
            out += '%';
            continue;
        }
        if (used == arguments.size()) fail(at, "printf has fewer arguments than verbs");
        out += format_value(arguments[used++], directive, at);
        if (out.size() > rendered_bytes_max) fail(at, "makes more than 4096 bytes");
    }
    if (used < arguments.size()) fail(at, "printf has more arguments than verbs");
    return out;
}

}  // namespace meshgate::dns::naming
