#include "src/meshgate-redirect/invocation.h"

#include "src/common/nearest.h"
#include "src/meshgate-redirect/flags.h"

#include <algorithm>
#include <array>

namespace meshgate::redirect {
namespace {

struct VerbWord {
    std::string_view word;
    Verb verb;
    bool takes_kumactl_word;  ///< "install transparent-proxy"
};
constexpr std::array<VerbWord, 5> verbs{{{"install", Verb::install, true},
                                         {"uninstall", Verb::uninstall, true},
                                         {"status", Verb::status, false},
                                         {"diff", Verb::diff, false},
                                         {"check", Verb::check, false}}};

constexpr std::string_view kumactl_word = "transparent-proxy";

constexpr unsigned bit(Verb verb) {
    return 1U << static_cast<unsigned>(verb);
}
constexpr unsigned any_verb = ~0U;
constexpr unsigned install = bit(Verb::install);
/// Whoever installs with flags asks with the same flags whether it is installed.
constexpr unsigned planning = install | bit(Verb::status) | bit(Verb::diff) | bit(Verb::check);

struct OwnOption {
    Option option;
    unsigned verbs;
};
constexpr std::array<OwnOption, 8> own_options{{
    {{"config", Option::Kind::value}, any_verb},
    {{"config-file", Option::Kind::value}, any_verb},  // as kumactl called it until 2.11
    {{"verbose", Option::Kind::toggle}, any_verb},
    {{"help", Option::Kind::toggle}, any_verb},
    {{"version", Option::Kind::toggle}, any_verb},
    {{"dry-run", Option::Kind::toggle}, install | bit(Verb::uninstall)},
    {{"format", Option::Kind::value}, install},
    {{"json", Option::Kind::toggle}, bit(Verb::status)},
}};

const VerbWord& find_verb(std::string_view word) {
    const auto* const found = std::ranges::find(verbs, word, &VerbWord::word);
    if (found != verbs.end()) return *found;
    std::array<std::string_view, verbs.size()> words;
    std::ranges::transform(verbs, words.begin(), &VerbWord::word);
    std::string message = "unknown verb '" + std::string{word} + "'";
    if (const auto near = nearest(word, words); !near.empty()) {
        message += ", did you mean '" + std::string{near} + "'?";
    }
    throw UsageError(message);
}

void check_words(const std::vector<std::string>& words, const VerbWord& verb) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (i == 1 && verb.takes_kumactl_word && words[i] == kumactl_word) continue;
        throw UsageError("'" + std::string{verb.word} + "' takes no '" + words[i] + "'");
    }
}

/// What is no option of ours is one of kumactl's flags: the command line has no others.
const OwnOption* find_own(std::string_view name) {
    const auto* const found =
        std::ranges::find(own_options, name, [](const OwnOption& own) { return own.option.name; });
    return found == own_options.end() ? nullptr : found;
}

void sort_out(const CommandLine& line, const VerbWord& verb, Invocation& to) {
    for (const auto& [name, value] : line.options) {
        const OwnOption* const own = find_own(name);
        const unsigned allowed = own == nullptr ? planning : own->verbs;
        if ((allowed & bit(verb.verb)) == 0) {
            throw UsageError("'" + std::string{verb.word} + "' takes no '--" + name + "'");
        }
        if (own == nullptr) to.flags.emplace_back(name, value);
        if (name == "config" || name == "config-file") to.config = value;
    }
}

Format parse_format(std::string_view word) {
    if (word == "nft") return Format::nft;
    if (word == "json") return Format::json;
    if (word == "iptables") return Format::iptables;
    throw UsageError("--format is nft, json or iptables, not '" + std::string{word} + "'");
}

}  // namespace

std::span<const Option> known_options() {
    static const auto list = [] {
        std::vector<Option> all;
        for (const OwnOption& own : own_options) all.push_back(own.option);
        const auto flags = kumactl_flags();
        all.insert(all.end(), flags.begin(), flags.end());
        return all;
    }();
    return list;
}

Invocation parse_invocation(const CommandLine& line) {
    if (line.words.empty()) throw UsageError("a verb is missing");
    const VerbWord& verb = find_verb(line.words.front());
    check_words(line.words, verb);
    Invocation invocation;
    invocation.verb = verb.verb;
    sort_out(line, verb, invocation);
    invocation.verbose = line.toggle("verbose");
    invocation.dry_run = line.toggle("dry-run");
    invocation.json = line.toggle("json");
    if (const auto format = line.value("format")) {
        invocation.format = parse_format(*format);
        if (!invocation.dry_run) throw UsageError("--format goes with --dry-run");
    }
    return invocation;
}

}  // namespace meshgate::redirect
