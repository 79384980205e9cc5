#include "dns/naming/template_nodes.h"

#include <array>
#include <cstdio>
#include <utility>

namespace meshgate::dns::naming {
namespace {

using Values = std::vector<Value>;

constexpr std::array<std::string_view, 20> function_words{
    "and",   "or",    "not",   "eq",     "ne",      "lt",   "le", "gt",       "ge",   "len",
    "index", "slice", "print", "printf", "println", "html", "js", "urlquery", "call", "label"};

std::string kind_of(const Value& value) {
    static constexpr std::array<const char*, 5> words{"nothing", "a truth", "a number", "a string",
                                                      "the whole data"};
    return words[value.index()];
}

void need_count(const Values& arguments, std::size_t least, std::size_t most, Place at) {
    if (arguments.size() >= least && arguments.size() <= most) return;
    fail(at, "has " + std::to_string(arguments.size()) + " arguments");
}

/// eq: whether two are equal. Nothing is equal to nothing alone.
bool equal(const Value& a, const Value& b, Place at) {
    if (std::holds_alternative<Nothing>(a) || std::holds_alternative<Nothing>(b)) {
        return a.index() == b.index();
    }
    if (a.index() != b.index()) fail(at, "cannot compare " + kind_of(a) + " with " + kind_of(b));
    if (const auto* truth = std::get_if<bool>(&a)) return *truth == std::get<bool>(b);
    if (const auto* number = std::get_if<std::int64_t>(&a)) {
        return *number == std::get<std::int64_t>(b);
    }
    if (const auto* text = std::get_if<std::string>(&a)) return *text == std::get<std::string>(b);
    fail(at, "cannot compare " + kind_of(a));
}

bool less(const Value& a, const Value& b, Place at) {
    const auto is_ordered = [](const Value& value) {
        return std::holds_alternative<std::int64_t>(value) ||
               std::holds_alternative<std::string>(value);
    };
    if (!is_ordered(a)) fail(at, "cannot order " + kind_of(a));
    if (!is_ordered(b)) fail(at, "cannot order " + kind_of(b));
    if (a.index() != b.index()) fail(at, "cannot compare " + kind_of(a) + " with " + kind_of(b));
    if (const auto* number = std::get_if<std::int64_t>(&a)) {
        return *number < std::get<std::int64_t>(b);
    }
    return std::get<std::string>(a) < std::get<std::string>(b);
}

Value compare(FunctionName function, const Values& arguments, Place at) {
    if (function == FunctionName::eq) {
        need_count(arguments, 2, 64, at);
        for (std::size_t i = 1; i < arguments.size(); ++i) {
            if (equal(arguments[0], arguments[i], at)) return true;
        }
        return false;
    }
    need_count(arguments, 2, 2, at);
    const Value &a = arguments[0], &b = arguments[1];
    switch (function) {
    case FunctionName::ne:
        return !equal(a, b, at);
    case FunctionName::lt:
        return less(a, b, at);
    case FunctionName::gt:
        return less(b, a, at);
    case FunctionName::le:
        return !less(b, a, at);
    default:
        return !less(a, b, at);
    }
}

std::size_t position(const Value& index, std::size_t most, Place at) {
    const auto* number = std::get_if<std::int64_t>(&index);
    if (number == nullptr) fail(at, "the index is " + kind_of(index));
    if (*number < 0 || static_cast<std::uint64_t>(*number) > most) {
        fail(at, "index " + std::to_string(*number) + " is out of range");
    }
    return static_cast<std::size_t>(*number);
}

Value element(const Value& of, const Value& index, const TemplateData& data, Place at) {
    if (const auto* text = std::get_if<std::string>(&of)) {
        const std::size_t i = position(index, text->empty() ? 0 : text->size() - 1, at);
        if (i >= text->size()) fail(at, "index " + std::to_string(i) + " is out of range");
        return std::int64_t{static_cast<unsigned char>((*text)[i])};
    }
    if (std::holds_alternative<Whole>(of) && !data.is_record) {
        const auto* key = std::get_if<std::string>(&index);
        if (key == nullptr) fail(at, "the index is " + kind_of(index));
        const auto found = data.fields.find(*key);
        return found == data.fields.end() ? std::string{} : found->second;
    }
    fail(at, "cannot index " + kind_of(of));
}

Value slice(const Values& arguments, Place at) {
    need_count(arguments, 1, 3, at);
    const auto* text = std::get_if<std::string>(&arguments[0]);
    if (text == nullptr) fail(at, "cannot slice " + kind_of(arguments[0]));
    const std::size_t end =
        arguments.size() > 2 ? position(arguments[2], text->size(), at) : text->size();
    const std::size_t begin = arguments.size() > 1 ? position(arguments[1], end, at) : 0;
    return text->substr(begin, end - begin);
}

Value length(const Value& of, const TemplateData& data, Place at) {
    if (const auto* text = std::get_if<std::string>(&of)) {
        return static_cast<std::int64_t>(text->size());
    }
    if (std::holds_alternative<Whole>(of) && !data.is_record) {
        return static_cast<std::int64_t>(data.fields.size());
    }
    fail(at, "has no length: it is " + kind_of(of));
}

/// fmt.Sprint: a space between two that are both no strings.
std::string joined(const Values& arguments, std::string_view nothing, Place at) {
    std::string out;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const bool texts = std::holds_alternative<std::string>(arguments[i]) ||
                           (i > 0 && std::holds_alternative<std::string>(arguments[i - 1]));
        if (i > 0 && !texts) out += ' ';
        out += printed(arguments[i], nothing, at);
    }
    return out;
}

std::string joined_in_a_line(const Values& arguments, Place at) {
    std::string out;
    for (const Value& value : arguments) {
        if (!out.empty() || &value != &arguments.front()) out += ' ';
        out += printed(value, "<nil>", at);
    }
    return out + '\n';
}

std::string hex(char c, const char* format) {
    std::array<char, 8> out{};
    const int bytes = std::snprintf(out.data(), out.size(), format, static_cast<unsigned char>(c));
    return {out.data(), static_cast<std::size_t>(bytes)};
}

std::string html(char c) {
    switch (c) {
    case '"':
        return "&#34;";
    case '\'':
        return "&#39;";
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\0':
        return "\xEF\xBF\xBD";
    default:
        return {c};
    }
}

std::string js(char c) {
    if (c == '\\' || c == '\'' || c == '"') return {'\\', c};
    const auto byte = static_cast<unsigned char>(c);
    const bool escaped = byte < 0x20 || c == '<' || c == '>' || c == '&' || c == '=';
    return escaped ? hex(c, "\\u%04X") : std::string{c};
}

std::string urlquery(char c) {
    static constexpr std::string_view kept = "-_.~";
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        kept.find(c) != kept.npos) {
        return {c};
    }
    return c == ' ' ? "+" : hex(c, "%%%02X");
}

/// Nothing is a string here.
std::string escaped(Values arguments, std::string (*escape)(char), Place at) {
    for (Value& value : arguments) {
        if (std::holds_alternative<Nothing>(value)) value = "<no value>";
    }
    std::string out;
    for (const char c : joined(arguments, {}, at)) out += escape(c);
    return out;
}

Value label(const Values& arguments, const TemplateData& data, Place at) {
    need_count(arguments, 1, 1, at);
    const auto* key = std::get_if<std::string>(&arguments[0]);
    if (key == nullptr) fail(at, "the label's key is " + kind_of(arguments[0]));
    const auto found = data.labels.find(*key);
    if (found != data.labels.end()) return found->second;
    if (data.has_every_label) return "label";
    fail(at, "label " + *key + " not found");
}

Value index(const Values& arguments, const TemplateData& data, Place at) {
    need_count(arguments, 1, 64, at);
    if (std::holds_alternative<Nothing>(arguments[0])) fail(at, "cannot index nothing");
    Value value = arguments[0];
    for (std::size_t i = 1; i < arguments.size(); ++i)
        value = element(value, arguments[i], data, at);
    return value;
}

Value printf(const Values& arguments, Place at) {
    need_count(arguments, 1, 64, at);
    const auto* format = std::get_if<std::string>(&arguments[0]);
    if (format == nullptr) fail(at, "the format is " + kind_of(arguments[0]));
    return formatted(*format, {arguments.begin() + 1, arguments.end()}, at);
}

}  // namespace

FunctionName function_of(std::string_view word) noexcept {
    for (std::size_t i = 0; i < function_words.size(); ++i) {
        if (function_words[i] == word) return static_cast<FunctionName>(i);
    }
    return FunctionName::none;
}

Value call_function(FunctionName function, const Values& arguments, const TemplateData& data,
                    Place at) {
    switch (function) {
    case FunctionName::not_:
        need_count(arguments, 1, 1, at);
        return !is_true(arguments[0], data);
    case FunctionName::len:
        need_count(arguments, 1, 1, at);
        return length(arguments[0], data, at);
    case FunctionName::index:
        return index(arguments, data, at);
    case FunctionName::slice:
        return slice(arguments, at);
    case FunctionName::print:
        return joined(arguments, "<nil>", at);
    case FunctionName::println:
        return joined_in_a_line(arguments, at);
    case FunctionName::printf:
        return printf(arguments, at);
    case FunctionName::html:
        return escaped(arguments, html, at);
    case FunctionName::js:
        return escaped(arguments, js, at);
    case FunctionName::urlquery:
        return escaped(arguments, urlquery, at);
    case FunctionName::call:
        fail(at, "there is nothing to call");
    case FunctionName::label:
        return label(arguments, data, at);
    default:
        return compare(function, arguments, at);
    }
}

bool is_true(const Value& value, const TemplateData& data) noexcept {
    if (const auto* truth = std::get_if<bool>(&value)) return *truth;
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number != 0;
    if (const auto* text = std::get_if<std::string>(&value)) return !text->empty();
    return std::holds_alternative<Whole>(value) && (data.is_record || !data.fields.empty());
}

std::string printed(const Value& value, std::string_view nothing, Place at) {
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (std::holds_alternative<Nothing>(value)) return std::string{nothing};
    fail(at, "the whole data is no part of a name");
}

}  // namespace meshgate::dns::naming
