#pragma once

#include "conf/corefile/corefile.h"
#include "conf/corefile/syntax.h"

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::conf::corefile {

/// What was found wrong so far, and what is worth a word; reading goes on behind a mistake so that
/// all are told together.
class Problems {
public:
    void error(const Token& at, std::string message) {
        errors_.push_back({at.where, std::move(message)});
    }
    void warning(const Token& at, std::string message) {
        warnings_.push_back({at.where, std::move(message)});
    }
    [[nodiscard]] std::vector<Diagnostic> take_errors() { return std::move(errors_); }
    [[nodiscard]] std::vector<Diagnostic> take_warnings() { return std::move(warnings_); }

private:
    std::vector<Diagnostic> errors_, warnings_;
};

/// A word that may stand in a directive's block.
struct OptionRule {
    std::string_view word;
    std::size_t arguments_min = 0;
    std::size_t arguments_max = 0;
    enum class Kind : std::uint8_t {
        taken,    ///< the directive's reader deals with it
        ignored,  ///< right, but what it tunes does not exist here
        refused   ///< it would change answers: `instead` says what to do
    } kind = Kind::taken;
    std::string_view instead = {};
};

/// Looks a directive's block up in its rules: `take` gets each line that is `taken`, the others are
/// dealt with here.
void read_options(const Line& directive, std::span<const OptionRule> rules, Problems& problems,
                  const std::function<void(const Line&)>& take);

/// An error, unless there are so many arguments. @return whether there are.
bool expect_arguments(const Line& line, std::size_t min, std::size_t max, Problems& problems);

/// Each argument from `first` on that is a zone; an error for each that is none.
std::vector<std::string> read_zones(const Line& line, std::size_t first, Problems& problems);

/// "TOKEN: message" for an argument.
std::string about(const Token& token, std::string_view message);

}  // namespace meshgate::conf::corefile
