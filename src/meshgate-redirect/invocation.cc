#include "src/meshgate-redirect/invocation.h"

#include "src/common/nearest.h"

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

enum class Meaning : std::uint8_t { own, flag };

struct KnownOption {
    Option option;
    unsigned verbs;
    Meaning meaning = Meaning::own;
};
constexpr std::array<KnownOption, 13> options{{
    {{"config", Option::Kind::value}, any_verb},
    {{"verbose", Option::Kind::toggle}, any_verb},
    {{"help", Option::Kind::toggle}, any_verb},
    {{"version", Option::Kind::toggle}, any_verb},
    {{"dry-run", Option::Kind::toggle}, install},
    {{"format", Option::Kind::value}, install},
    {{"json", Option::Kind::toggle}, bit(Verb::status)},
    {{"kuma-dp-user", Option::Kind::value}, planning, Meaning::flag},
    {{"redirect-dns", Option::Kind::toggle}, planning, Meaning::flag},
    {{"redirect-all-dns-traffic", Option::Kind::toggle}, planning, Meaning::flag},
    {{"redirect-dns-port", Option::Kind::value}, planning, Meaning::flag},
    {{"exclude-inbound-ports", Option::Kind::value}, planning, Meaning::flag},
    {{"exclude-outbound-ports", Option::Kind::value}, planning, Meaning::flag},
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

const KnownOption& find_option(std::string_view name) {
    return *std::ranges::find(options, name,
                              [](const KnownOption& known) { return known.option.name; });
}

Format parse_format(std::string_view word) {
    if (word == "nft") return Format::nft;
    if (word == "json") return Format::json;
    if (word == "iptables") return Format::iptables;
    throw UsageError("--format is nft, json or iptables, not '" + std::string{word} + "'");
}

}  // namespace

std::span<const Option> known_options() {
    static const auto plain = [] {
        std::array<Option, options.size()> list{};
        std::ranges::transform(options, list.begin(), &KnownOption::option);
        return list;
    }();
    return plain;
}

Invocation parse_invocation(const CommandLine& line) {
    if (line.words.empty()) throw UsageError("a verb is missing");
    const VerbWord& verb = find_verb(line.words.front());
    check_words(line.words, verb);
    Invocation invocation;
    invocation.verb = verb.verb;
    for (const auto& [name, value] : line.options) {
        const KnownOption& known = find_option(name);
        if ((known.verbs & bit(verb.verb)) == 0) {
            throw UsageError("'" + std::string{verb.word} + "' takes no '--" + name + "'");
        }
        if (known.meaning == Meaning::flag) invocation.flags.emplace_back(name, value);
    }
    if (const auto file = line.value("config")) invocation.config = *file;
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
