#include "conf/corefile/lexer.h"

#include "conf/load.h"

#include <cstdlib>
#include <utility>

namespace meshgate::conf::corefile {
namespace {

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

/// Each `open`NAME`close` by what the environment has, nothing if it has none.
std::string replaced(std::string_view text, std::string_view open, std::string_view close) {
    std::string out;
    for (;;) {
        const auto begin = text.find(open);
        if (begin == std::string_view::npos) break;
        const auto end = text.find(close, begin + open.size());
        if (end == std::string_view::npos) break;
        const std::string name{text.substr(begin + open.size(), end - begin - open.size())};
        out += text.substr(0, begin);
        if (const char* const value = std::getenv(name.c_str())) out += value;
        text.remove_prefix(end + close.size());
    }
    return out.append(text);
}

class Lexer {
public:
    Lexer(std::string_view text, std::string_view name) : rest_(text), name_(name) {}

    std::vector<Token> run() {
        while (skip_to_word()) {
            if (tokens_.size() == tokens_max) fail(here(), "more words than a Corefile may have");
            begin_token();
            if (peek() == '"') {
                quoted_word();
            } else {
                plain_word();
            }
        }
        return std::move(tokens_);
    }

private:
    [[noreturn]] static void fail(const Location& where, const std::string& message) {
        throw Error({{where, message}});
    }

    [[nodiscard]] char peek() const { return rest_.front(); }

    char next() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        ++column_;
        if (c == '\n') {
            ++line_;
            column_ = 1;
        }
        return c;
    }

    [[nodiscard]] Location here() const { return {std::string{name_}, line_, column_}; }

    /// @return false at the end of the text.
    bool skip_to_word() {
        while (!rest_.empty()) {
            if (peek() == '#') {
                while (!rest_.empty() && peek() != '\n') next();
            } else if (is_blank(peek())) {
                next();
            } else {
                return true;
            }
        }
        return false;
    }

    void begin_token() {
        Token& token = tokens_.emplace_back();
        token.where = here();
        token.begins_line = last_line_ != line_;
    }

    void plain_word() {
        std::string word;
        while (!rest_.empty() && !is_blank(peek()) && peek() != '#') word += next();
        finish(word);
    }

    void quoted_word() {
        const Location begin = here();
        tokens_.back().quoted = true;
        next();
        std::string word;
        while (!rest_.empty()) {
            const char c = next();
            if (c == '"') return finish(word);
            if (c == '\\' && !rest_.empty() && peek() == '"') {
                word += next();
            } else {
                word += c;
            }
        }
        fail(begin, "this quote is not closed");
    }

    void finish(const std::string& word) {
        tokens_.back().text = replaced(replaced(word, "{%", "%}"), "{$", "}");
        last_line_ = line_;
    }

    std::string_view rest_;
    std::string_view name_;
    std::vector<Token> tokens_;
    std::uint32_t line_ = 1, column_ = 1;
    std::uint32_t last_line_ = 0;  ///< that the last word ended on
};

}  // namespace

std::vector<Token> tokenize(std::string_view text, std::string_view name) {
    if (text.size() > text_bytes_max) {
        throw Error({{{std::string{name}, 0, 0}, "larger than a Corefile may be"}});
    }
    return Lexer{text, name}.run();
}

}  // namespace meshgate::conf::corefile
