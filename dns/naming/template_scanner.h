#pragma once

#include "dns/naming/template_nodes.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dns::naming {

/// The characters of a template: text outside of {{ }}, words inside.
class TemplateScanner {
public:
    explicit TemplateScanner(std::string_view text) : text_(text) {}

    [[nodiscard]] Place place() const;

    /// The text up to the next action that is no comment, with white space trimmed as {{- and -}}
    /// ask.
    std::string text();
    /// After text(): steps into the action; false at the end of the template.
    bool action_begins();
    /// "}}" or " -}}". @throws TemplateError for anything else.
    void action_ends();

    /// A keyword (if, with, else, end, range, ...), taken; empty, and nothing taken: something else
    /// stands here.
    std::string_view keyword();

    struct Assignment {
        std::string variable;
        bool declares = false;
    };
    /// "$x :=" or "$x =", taken; nullopt, and nothing taken: something else stands here.
    std::optional<Assignment> assignment();

    /// True before '|', ')', "}}", "-}}" and at the end.
    bool command_ends();
    bool take(char c);
    void expect(char c);

    /// A constant, '.', a variable, a function's name, or '(' (of which the rest is to be read).
    Operand operand();
    /// ".a.b" directly after `operand`, or that it is itself.
    std::vector<std::string> fields(const Operand& operand);
    /// An operand ends before white space, '|', ')' and "}}". @throws TemplateError
    void operand_ends();

private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const noexcept {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    [[nodiscard]] bool starts_with(std::string_view word) const noexcept {
        return text_.substr(at_).starts_with(word);
    }
    [[nodiscard]] bool at_right_trim() const noexcept;
    void skip_space();
    bool skip_comment();
    std::string_view identifier();
    Operand number(Place at);
    Value string();
    Value raw_string();
    std::int64_t character();
    void escape(std::string& to, char quote);
    std::uint32_t hex_digits(int count);

    std::string_view text_;
    std::size_t at_ = 0;
    bool trim_next_ = false;  ///< the last action ended in -}}
};

}  // namespace meshgate::dns::naming
