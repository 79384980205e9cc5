#include "dns/naming/template_scanner.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace meshgate::dns::naming {
namespace {

constexpr std::string_view left = "{{", right = "}}";

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_word(char c) noexcept {
    return c == '_' || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Go's rune as UTF-8.
void append_utf8(std::string& to, std::uint32_t rune) {
    const auto byte = [&to](std::uint32_t value) { to += static_cast<char>(value); };
    if (rune < 0x80) {
        byte(rune);
    } else if (rune < 0x800) {
        byte(0xC0 | rune >> 6);
        byte(0x80 | (rune & 0x3F));
    } else if (rune < 0x10000) {
        byte(0xE0 | rune >> 12);
        byte(0x80 | (rune >> 6 & 0x3F));
        byte(0x80 | (rune & 0x3F));
    } else {
        byte(0xF0 | rune >> 18);
        byte(0x80 | (rune >> 12 & 0x3F));
        byte(0x80 | (rune >> 6 & 0x3F));
        byte(0x80 | (rune & 0x3F));
    }
}

/// The digits of "0x1F", "0b1", "0o7", "017" or "1_000", and their base; an underscore may stand
/// between two of them.
std::optional<std::int64_t> whole_number(std::string text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.erase(0, 1);
    int base = 10;
    if (text.size() > 1 && text[0] == '0') {
        const char letter = static_cast<char>(text[1] | 0x20);
        base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
        text.erase(0, letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
        if (text.starts_with('_')) text.erase(0, 1);
    }
    if (text.empty() || text.front() == '_' || text.back() == '_' ||
        text.find("__") != std::string::npos) {
        return std::nullopt;
    }
    std::erase(text, '_');
    if (negative) text.insert(text.begin(), '-');
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

Place TemplateScanner::place() const {
    Place place;
    for (const char c : text_.substr(0, at_)) {
        place.column = c == '\n' ? 1 : place.column + 1;
        place.line += c == '\n' ? 1 : 0;
    }
    return place;
}

std::string TemplateScanner::text() {
    std::string out;
    for (;;) {
        const auto begin = std::min(text_.find(left, at_), text_.size());
        std::string_view piece = text_.substr(at_, begin - at_);
        if (trim_next_) {
            while (!piece.empty() && is_space(piece.front())) piece.remove_prefix(1);
        }
        at_ = begin;
        trim_next_ = false;
        if (starts_with("{{-") && is_space(peek(3))) {
            while (!piece.empty() && is_space(piece.back())) piece.remove_suffix(1);
        }
        out += piece;
        if (!skip_comment()) return out;
    }
}

/// "{{/* ... */}}", with or without trimming.
bool TemplateScanner::skip_comment() {
    if (!starts_with(left)) return false;
    std::size_t begin = at_ + left.size();
    if (starts_with("{{-") && is_space(peek(3))) {
        begin = std::min(text_.find_first_not_of(" \t\r\n", at_ + 3), text_.size());
    }
    if (!text_.substr(begin).starts_with("/*")) return false;
    const auto end = text_.find("*/", begin + 2);
    if (end == text_.npos) fail(place(), "the comment has no end");
    std::size_t after = end + 2;
    const auto rest = text_.substr(after);
    const auto word = rest.find_first_not_of(" \t\r\n");
    trim_next_ = word != rest.npos && word > 0 && rest.substr(word).starts_with("-}}");
    if (trim_next_) after += word + 1;
    if (!text_.substr(after).starts_with(right)) fail(place(), "a comment must fill its action");
    at_ = after + right.size();
    return true;
}

bool TemplateScanner::action_begins() {
    if (at_ == text_.size()) return false;
    at_ += left.size();
    if (peek() == '-' && is_space(peek(1))) ++at_;
    skip_space();
    return true;
}

bool TemplateScanner::at_right_trim() const noexcept {
    return starts_with("-}}") && at_ > 0 && is_space(text_[at_ - 1]);
}

void TemplateScanner::action_ends() {
    skip_space();
    trim_next_ = at_right_trim();
    if (trim_next_) ++at_;
    if (at_ == text_.size()) fail(place(), "the action has no '}}'");
    if (!starts_with(right))
        fail(place(), "'}}' is missing before '" + std::string{text_.substr(at_, 8)} + "'");
    at_ += right.size();
}

void TemplateScanner::skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

std::string_view TemplateScanner::identifier() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
}

std::string_view TemplateScanner::keyword() {
    static constexpr std::array<std::string_view, 10> keywords{
        "if", "with", "else", "end", "range", "define", "template", "block", "break", "continue"};
    skip_space();
    const std::size_t before = at_;
    const std::string_view word = identifier();
    if (std::find(keywords.begin(), keywords.end(), word) != keywords.end()) return word;
    at_ = before;
    return {};
}

std::optional<TemplateScanner::Assignment> TemplateScanner::assignment() {
    skip_space();
    const std::size_t before = at_;
    if (peek() != '$') return std::nullopt;
    ++at_;
    Assignment out{"$" + std::string{identifier()}, false};
    skip_space();
    out.declares = starts_with(":=");
    if (out.declares || (peek() == '=' && peek(1) != '=')) {
        at_ += out.declares ? 2 : 1;
        if (out.variable == "$") fail(place(), "'$' cannot be given a value");
        return out;
    }
    at_ = before;
    return std::nullopt;
}

bool TemplateScanner::command_ends() {
    skip_space();
    return at_ == text_.size() || peek() == '|' || peek() == ')' || starts_with(right) ||
           at_right_trim();
}

bool TemplateScanner::take(char c) {
    skip_space();
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
}

void TemplateScanner::expect(char c) {
    if (!take(c)) fail(place(), std::string{"'"} + c + "' is missing");
}

Operand TemplateScanner::operand() {
    Operand out;
    out.at = place();
    const char c = peek();
    if (c == '.' && !is_digit(peek(1))) {
        out.kind = Operand::Kind::dot;
        if (!is_word(peek(1))) ++at_;
    } else if (c == '$') {
        ++at_;
        out.kind = Operand::Kind::variable;
        out.word = "$" + std::string{identifier()};
    } else if (c == '(') {
        ++at_;
        out.kind = Operand::Kind::pipeline;
    } else if (c == '"') {
        out.constant = string();
    } else if (c == '`') {
        out.constant = raw_string();
    } else if (c == '\'') {
        out.constant = character();
    } else if (is_digit(c) || c == '.' || c == '+' || c == '-') {
        return number(out.at);
    } else {
        out.word = identifier();
        if (out.word.empty()) fail(out.at, std::string{"'"} + c + "' cannot stand here");
        if (out.word == "true" || out.word == "false") {
            out.constant = out.word == "true";
        } else if (out.word != "nil") {
            out.kind = Operand::Kind::function;
        }
    }
    return out;
}

std::vector<std::string> TemplateScanner::fields(const Operand& operand) {
    std::vector<std::string> names;
    while (peek() == '.' && is_word(peek(1)) && !is_digit(peek(1))) {
        const Place at = place();
        if (operand.kind == Operand::Kind::constant) fail(at, "a constant has no fields");
        if (operand.kind == Operand::Kind::function) fail(at, "a function has no fields");
        ++at_;
        names.emplace_back(identifier());
    }
    return names;
}

void TemplateScanner::operand_ends() {
    const char c = peek();
    if (at_ == text_.size() || is_space(c) || c == '|' || c == ')' || starts_with(right)) return;
    fail(place(), std::string{"'"} + c + "' cannot stand here");
}

Operand TemplateScanner::number(Place at) {
    const std::size_t begin = at_;
    if (peek() == '+' || peek() == '-') ++at_;
    while (is_word(peek()) || peek() == '.') ++at_;
    const std::string text{text_.substr(begin, at_ - begin)};
    const auto value = whole_number(text);
    if (!value) fail(at, "'" + text + "' is no whole number");
    Operand out;
    out.at = at;
    out.constant = *value;
    return out;
}

Value TemplateScanner::string() {
    const Place at = place();
    std::string out;
    for (++at_;;) {
        const char c = peek();
        if (at_ == text_.size() || c == '\n') fail(at, "the string has no end");
        ++at_;
        if (c == '"') return out;
        if (c == '\\') {
            escape(out, '"');
        } else {
            out += c;
        }
    }
}

Value TemplateScanner::raw_string() {
    const auto end = text_.find('`', at_ + 1);
    if (end == text_.npos) fail(place(), "the string has no end");
    std::string out{text_.substr(at_ + 1, end - at_ - 1)};
    at_ = end + 1;
    return out;
}

/// 'a', '\n', '\x41': its number. One of ASCII, or an escape.
std::int64_t TemplateScanner::character() {
    const Place at = place();
    ++at_;
    std::string out;
    const char c = peek();
    ++at_;
    if (c == '\\') {
        escape(out, '\'');
    } else {
        out = c;
    }
    if (out.size() != 1 || (out[0] & 0x80) != 0 || c == '\'' || peek() != '\'') {
        fail(at, "is no character constant of ASCII");
    }
    ++at_;
    return out[0];
}

void TemplateScanner::escape(std::string& to, char quote) {
    static constexpr std::string_view letters = "abfnrtv\\", meanings = "\a\b\f\n\r\t\v\\";
    const Place at = place();
    const char c = peek();
    if (at_ == text_.size()) fail(at, "the string has no end");
    ++at_;
    if (const auto found = letters.find(c); found != letters.npos) {
        to += meanings[found];
    } else if (c == quote) {
        to += c;
    } else if (c == 'x') {
        to += static_cast<char>(hex_digits(2));
    } else if (c == 'u' || c == 'U') {
        const std::uint32_t rune = hex_digits(c == 'u' ? 4 : 8);
        if (rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000)) fail(at, "is no character");
        append_utf8(to, rune);
    } else if (c >= '0' && c <= '7' && peek() >= '0' && peek() <= '7' && peek(1) >= '0' &&
               peek(1) <= '7') {
        const int value = (c - '0') * 64 + (peek() - '0') * 8 + (peek(1) - '0');
        if (value > 255) fail(at, "is no byte");
        at_ += 2;
        to += static_cast<char>(value);
    } else {
        fail(at, std::string{"'\\"} + c + "' is no escape");
    }
}

std::uint32_t TemplateScanner::hex_digits(int count) {
    const auto digits = text_.substr(std::min(at_, text_.size()), static_cast<std::size_t>(count));
    std::uint32_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc{} || end != digits.data() + count)
        fail(place(), "hex digits are missing");
    at_ += static_cast<std::size_t>(count);
    return value;
}

}  // namespace meshgate::dns::naming
