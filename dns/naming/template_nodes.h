#pragma once

#include "dns/naming/template.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// A template as it was parsed: what the parser makes and the executor walks.
namespace meshgate::dns::naming {

struct Place {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
};

[[noreturn]] inline void fail(Place at, const std::string& message) {
    throw TemplateError(at.line, at.column, message);
}

struct Nothing {};  ///< Go's nil, and what a map does not have
struct Whole {};    ///< the data itself, as a value

using Value = std::variant<Nothing, bool, std::int64_t, std::string, Whole>;

struct Pipeline;

struct Operand {
    enum class Kind : std::uint8_t { constant, dot, variable, function, pipeline };

    Kind kind = Kind::constant;
    Place at;
    Value constant;
    std::string word;                 ///< of a variable, with its $, or of a function
    std::vector<Pipeline> inner;      ///< one, in parentheses
    std::vector<std::string> fields;  ///< after it: ".service"
};

struct Command {
    std::vector<Operand> operands;  ///< never empty
};

struct Pipeline {
    Place at;
    std::string variable;  ///< that it gives a value to; empty: none
    bool declares = false;
    std::vector<Command> commands;  ///< never empty
};

struct TemplateNode {
    enum class Kind : std::uint8_t { text, action, if_, with };

    Kind kind = Kind::text;
    std::string text;
    std::vector<Pipeline> pipeline;  ///< one, but for a text
    std::vector<TemplateNode> then;
    std::vector<TemplateNode> otherwise;
};

struct TemplateNodes {
    std::vector<TemplateNode> nodes;
};

enum class FunctionName : std::uint8_t {
    and_,
    or_,
    not_,
    eq,
    ne,
    lt,
    le,
    gt,
    ge,
    len,
    index,
    slice,
    print,
    printf,
    println,
    html,
    js,
    urlquery,
    call,
    label,
    none,
};

FunctionName function_of(std::string_view word) noexcept;

/// A function but `and` and `or`, which do not look at all of their arguments.
/// @throws TemplateError
Value call_function(FunctionName function, const std::vector<Value>& arguments,
                    const TemplateData& data, Place at);

/// As Go's fmt.Sprintf, of the verbs %v %s %d %t %c %x %X %o %b with flags, width and precision.
/// @throws TemplateError where Go would write "%!": no name has that.
std::string formatted(const std::string& format, const std::vector<Value>& arguments, Place at);

/// Not false, 0, "", nothing.
bool is_true(const Value& value, const TemplateData& data) noexcept;

/// As an action prints it, and as print does (which says <nil> for nothing).
std::string printed(const Value& value, std::string_view nothing, Place at);

}  // namespace meshgate::dns::naming
