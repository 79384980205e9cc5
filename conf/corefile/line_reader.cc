#include "conf/corefile/line_reader.h"

#include "conf/corefile/words.h"
#include "conf/words.h"
#include "src/common/nearest.h"

namespace meshgate::conf::corefile {
namespace {

void unknown(const Line& option, const Line& directive, std::span<const OptionRule> rules,
             Problems& problems) {
    std::vector<std::string_view> words;
    for (const OptionRule& rule : rules) words.push_back(rule.word);
    std::string message =
        "'" + directive.word.text + "' has no option " + in_quotes(option.word.text);
    if (const auto near = nearest(option.word.text, words); !near.empty()) {
        message += ", did you mean '" + std::string{near} + "'?";
    }
    problems.error(option.word, std::move(message));
}

}  // namespace

void read_options(const Line& directive, std::span<const OptionRule> rules, Problems& problems,
                  const std::function<void(const Line&)>& take) {
    for (const Line& option : directive.block) {
        const auto rule = std::find_if(rules.begin(), rules.end(), [&](const OptionRule& known) {
            return known.word == option.word.text;
        });
        if (rule == rules.end()) {
            unknown(option, directive, rules, problems);
            continue;
        }
        if (!option.block.empty()) {
            problems.error(option.word, in_quotes(option.word.text) + " takes no block");
            continue;
        }
        if (rule->kind == OptionRule::Kind::refused) {
            problems.error(option.word, in_quotes(option.word.text) + " of '" +
                                            directive.word.text +
                                            "': " + std::string{rule->instead});
            continue;
        }
        if (!expect_arguments(option, rule->arguments_min, rule->arguments_max, problems)) continue;
        if (rule->kind == OptionRule::Kind::taken) {
            take(option);
        } else {
            problems.warning(option.word, in_quotes(option.word.text) + " of '" +
                                              directive.word.text + "' has no effect here");
        }
    }
}

bool expect_arguments(const Line& line, std::size_t min, std::size_t max, Problems& problems) {
    const std::size_t count = line.arguments.size();
    if (count < min) {
        problems.error(line.word, in_quotes(line.word.text) + " needs " +
                                      (min == 1 ? "a value" : std::to_string(min) + " values"));
        return false;
    }
    if (count > max) {
        problems.error(line.arguments[max], in_quotes(line.word.text) + " takes no " +
                                                in_quotes(line.arguments[max].text));
        return false;
    }
    return true;
}

std::vector<std::string> read_zones(const Line& line, std::size_t first, Problems& problems) {
    std::vector<std::string> zones;
    for (std::size_t i = first; i < line.arguments.size(); ++i) {
        const Token& token = line.arguments[i];
        if (auto zone = parse_zone(token.text)) {
            zones.push_back(std::move(*zone));
        } else {
            problems.error(token, about(token, "is no zone; write a network as its name below "
                                               "in-addr.arpa or ip6.arpa"));
        }
    }
    return zones;
}

std::string about(const Token& token, std::string_view message) {
    return in_quotes(token.text) + " " + std::string{message};
}

}  // namespace meshgate::conf::corefile
