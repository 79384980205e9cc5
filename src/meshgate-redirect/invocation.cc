#include "src/meshgate-redirect/invocation.h"

#include "conf/words.h"
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
constexpr std::array<VerbWord, 10> verbs{{{"install", Verb::install, true},
                                         {"uninstall", Verb::uninstall, true},
                                         {"status", Verb::status, false},
                                         {"diff", Verb::diff, false},
                                         {"check", Verb::check, false},
                                         {"import", Verb::import, false},
                                         {"explain", Verb::explain, false},
                                         {"confirm", Verb::confirm, false},
                                         {"guard", Verb::guard, false},
                                         {"doctor", Verb::doctor, false}}};

constexpr std::string_view kumactl_word = "transparent-proxy";

constexpr unsigned bit(Verb verb) {
    return 1U << static_cast<unsigned>(verb);
}
constexpr unsigned any_verb = ~0U;
constexpr unsigned install = bit(Verb::install);
/// Whoever installs with flags asks with the same flags whether it is installed.
constexpr unsigned planning = install | bit(Verb::status) | bit(Verb::diff) | bit(Verb::check) |
                              bit(Verb::import) | bit(Verb::explain) | bit(Verb::guard) |
                              bit(Verb::doctor);
constexpr unsigned explain = bit(Verb::explain);

struct OwnOption {
    Option option;
    unsigned verbs;
};
constexpr std::array<OwnOption, 23> own_options{{
    {{"config", Option::Kind::value}, any_verb},
    {{"config-file", Option::Kind::value}, any_verb},  // as kumactl called it until 2.11
    {{"verbose", Option::Kind::toggle}, any_verb},
    {{"help", Option::Kind::toggle}, any_verb},
    {{"version", Option::Kind::toggle}, any_verb},
    {{"replace", Option::Kind::toggle}, install},
    {{"dry-run", Option::Kind::toggle}, install | bit(Verb::uninstall) | bit(Verb::import)},
    {{"format", Option::Kind::value}, install},
    {{"flush-connections", Option::Kind::toggle}, install | bit(Verb::uninstall)},
    {{"drain", Option::Kind::value}, bit(Verb::uninstall)},
    {{"confirm", Option::Kind::value}, install},
    {{"undo", Option::Kind::toggle}, bit(Verb::confirm)},
    {{"json", Option::Kind::toggle}, bit(Verb::status) | bit(Verb::doctor) | explain},
    {{"probe", Option::Kind::toggle}, install | bit(Verb::doctor)},
    {{"user", Option::Kind::value}, explain},
    {{"group", Option::Kind::value}, explain},
    {{"mark", Option::Kind::value}, explain},
    {{"inbound", Option::Kind::toggle}, explain},
    {{"from", Option::Kind::value}, explain},
    {{"interface", Option::Kind::value}, explain},
    {{"planned", Option::Kind::toggle}, explain},
    {{"batch", Option::Kind::toggle}, explain},
    {{"trace", Option::Kind::toggle}, explain},
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
        if (name == "verbose") to.verbose = value == "true";
        if (name == "replace") to.replace = value == "true";
        if (name == "dry-run") to.dry_run = value == "true";
        if (own != nullptr && own->verbs == explain) to.probe.emplace_back(name, value);
        if (name == "config" || name == "config-file") to.configs.push_back(value);
    }
}

/// The flags after "import kumactl --", which may be the whole old command.
void read_old_command(std::span<const std::string> words, const VerbWord& verb, Invocation& to) {
    std::vector<const char*> arguments;
    for (const auto& word : words) arguments.push_back(word.c_str());
    const CommandLine old = parse_command_line(arguments, known_options());
    for (const auto& word : old.words) {
        if (word == "kumactl" || word == "install" || word == kumactl_word) continue;
        throw UsageError("'import kumactl' takes flags of 'kumactl install transparent-proxy', "
                         "not '" +
                         word + "'");
    }
    sort_out(old, verb, to);
}

void read_import(const std::vector<std::string>& words, const VerbWord& verb, Invocation& to) {
    const std::string what = words.size() < 2 ? "" : words[1];
    const auto rest = std::span{words}.subspan(words.size() < 2 ? words.size() : 2);
    if (what == "kumactl") return read_old_command(rest, verb, to);
    if (what != "kuma-config" || rest.empty()) {
        throw UsageError("write: import kumactl -- FLAGS..., or import kuma-config FILE...");
    }
    to.configs.insert(to.configs.end(), rest.begin(), rest.end());
}

Format parse_format(std::string_view word) {
    if (word == "nft") return Format::nft;
    if (word == "json") return Format::json;
    if (word == "iptables") return Format::iptables;
    throw UsageError("--format is nft, json or iptables, not '" + std::string{word} + "'");
}

std::chrono::seconds parse_time(std::string_view option, std::string_view text) {
    constexpr std::uint32_t most = 3600;
    const auto seconds = conf::parse_seconds(text);
    if (seconds && *seconds >= 1 && *seconds <= most) return std::chrono::seconds{*seconds};
    throw UsageError("--" + std::string{option} +
                     " is a duration such as \"30s\" or \"5m\", 1s to 1h, not '" +
                     std::string{text} + "'");
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
    Invocation invocation;
    invocation.verb = verb.verb;
    sort_out(line, verb, invocation);
    if (verb.verb == Verb::import) {
        read_import(line.words, verb, invocation);
    } else if (verb.verb == Verb::explain) {
        invocation.arguments.assign(line.words.begin() + 1, line.words.end());
    } else {
        check_words(line.words, verb);
    }
    invocation.json = line.toggle("json");
    invocation.send_probes = line.toggle("probe");
    invocation.flush_connections = line.toggle("flush-connections");
    if (const auto drain = line.value("drain")) invocation.drain = parse_time("drain", *drain);
    if (const auto time = line.value("confirm")) invocation.confirm = parse_time("confirm", *time);
    invocation.undo = line.toggle("undo");
    if (const auto format = line.value("format")) {
        invocation.format = parse_format(*format);
        if (!invocation.dry_run.value_or(false)) throw UsageError("--format goes with --dry-run");
    }
    return invocation;
}

}  // namespace meshgate::redirect
