#include "conf/corefile/syntax.h"

#include "conf/load.h"
#include "conf/words.h"

#include <utility>

namespace meshgate::conf::corefile {
namespace {

constexpr std::size_t depth_max = 8;  // of braces

[[noreturn]] void fail(const Token& at, const std::string& message) {
    throw Error({{at.where, message}});
}

bool is(const Token& token, std::string_view text) {
    return !token.quoted && token.text == text;
}

class Parser {
public:
    explicit Parser(const std::vector<Token>& tokens) : tokens_(tokens) {}

    std::vector<RawBlock> run() {
        std::vector<RawBlock> blocks;
        while (!at_end()) {
            RawBlock& block = blocks.emplace_back();
            block.keys = keys();
            const bool braces = !at_end() && is(tokens_[at_], "{");
            if (braces) {
                const Token& open = tokens_[at_++];
                block.directives = lines(&open, 1);
            } else {
                block.directives = lines(nullptr, 1);
            }
        }
        return blocks;
    }

private:
    [[nodiscard]] bool at_end() const { return at_ == tokens_.size(); }

    /// "a.example, b.example:53 {" on one line, or on several with a comma at the end of each.
    std::vector<Token> keys() {
        std::vector<Token> found;
        bool comma = false;
        do {
            Token key = tokens_[at_];
            if (is(key, "{")) break;
            refuse(key);
            ++at_;
            comma = key.text.ends_with(',');
            if (comma) key.text.pop_back();
            if (!key.text.empty()) found.push_back(std::move(key));
        } while (!at_end() && (comma || !tokens_[at_].begins_line));
        if (comma) fail(tokens_[at_ - 1], "a zone is missing behind the comma");
        if (found.empty()) fail(tokens_[at_], "a server block begins with a zone, such as '.:53'");
        return found;
    }

    static void refuse(const Token& key) {
        if (is(key, "}")) fail(key, "this '}' closes nothing");
        if (is(key, "import")) fail(key, "'import' is not read: write the lines out");
        if (key.text.starts_with('(') && key.text.ends_with(')')) {
            fail(key, "snippets are not read: write the lines out where they are used");
        }
    }

    /// What stands in braces that `open` opened, or up to the end of the file.
    std::vector<Line> lines(const Token* open, std::size_t depth) {
        if (depth > depth_max) fail(*open, "braces this deep mean nothing");
        std::vector<Line> found;
        while (!at_end()) {
            const Token& token = tokens_[at_];
            if (is(token, "}")) {
                if (open == nullptr) fail(token, "this '}' closes nothing");
                ++at_;
                return found;
            }
            if (is(token, "{")) fail(token, "this '{' has nothing before it on its line");
            if (is(token, "import")) fail(token, "'import' is not read: write the lines out");
            found.push_back(line(depth));
        }
        if (open != nullptr) fail(*open, "this '{' is not closed");
        return found;
    }

    Line line(std::size_t depth) {
        Line one{tokens_[at_++], {}, {}};
        while (!at_end() && !tokens_[at_].begins_line) {
            const Token& token = tokens_[at_];
            if (is(token, "}")) break;
            ++at_;
            if (is(token, "{")) {
                one.block = lines(&token, depth + 1);
                break;
            }
            one.arguments.push_back(token);
        }
        return one;
    }

    const std::vector<Token>& tokens_;
    std::size_t at_ = 0;
};

}  // namespace

std::vector<RawBlock> parse_blocks(const std::vector<Token>& tokens) {
    return Parser{tokens}.run();
}

}  // namespace meshgate::conf::corefile
