#include "netfilter/iptables/saved_rule.h"

#include "conf/words.h"
#include "netfilter/iptables/table_words.h"
#include "netfilter/ruleset/counters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace meshgate::netfilter {
namespace {

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

/// "30" or "30:40".
template <class Range, class Number>
std::optional<Range> range(std::string_view text, char separator) {
    const auto at = text.find(separator);
    const auto first = number<Number>(text.substr(0, at));
    const auto last = at == text.npos ? first : number<Number>(text.substr(at + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    return Range{*first, *last};
}

std::optional<PortElements> ports(std::string_view list) {
    PortElements elements;
    while (true) {
        const auto comma = list.find(',');
        const auto one = range<PortRange, Port>(list.substr(0, comma), ':');
        if (!one) return std::nullopt;
        elements.push_back(*one);
        if (comma == list.npos) return elements;
        list.remove_prefix(comma + 1);
    }
}

/// "0x539", "0x539/0xfff"
std::optional<MatchMark> mark(std::string_view text) {
    const auto parsed = conf::parse_mark(text);
    if (!parsed) return std::nullopt;
    return MatchMark{parsed->mask, parsed->value};
}

/// The options of one rule, each at most once.
struct Options {
    std::optional<Protocol> protocol;
    std::optional<PortElements> ports;
    std::optional<MatchAddress> source, destination;
    std::optional<UidRange> users;
    std::optional<GidRange> groups;
    std::optional<MatchMark> mark;
    std::vector<Match> devices;
    bool local_destination = false, invalid = false;
    std::string target, comment, log_prefix;
    std::optional<Port> to_port;
    std::optional<std::uint16_t> zone;
};

class OptionReader {
public:
    OptionReader(Family family, std::string_view loopback) : family_{family}, loopback_{loopback} {}

    std::optional<Options> read(const std::vector<std::string>& words) {
        for (std::size_t i = 0; i < words.size();) {
            const bool negated = words[i] == "!";
            if (negated) ++i;
            if (words.size() - i < 2) return std::nullopt;
            if (!take(words[i], words[i + 1], negated)) return std::nullopt;
            i += 2;
        }
        return std::move(options_);
    }

private:
    bool take(std::string_view option, const std::string& value, bool negated) {
        if (option == "-s" || option == "-d") return take_address(option, value, negated);
        if (option == "-i" || option == "-o") return take_device(option, value, negated);
        if (negated) return false;
        if (option == "-m") return is_known_match(value);
        if (option == "-p") return take_protocol(value);
        if (option == "--dport" || option == "--dports") return set(options_.ports, ports(value));
        if (option == "--uid-owner") {
            return set(options_.users, range<UidRange, Uid>(value, '-'));
        }
        if (option == "--gid-owner") {
            return set(options_.groups, range<GidRange, Gid>(value, '-'));
        }
        if (option == "--mark") return set(options_.mark, mark(value));
        if (option == "--dst-type") return options_.local_destination = value == "LOCAL";
        if (option == "--ctstate") return options_.invalid = value == "INVALID";
        if (option == "--to-ports") return set(options_.to_port, number<Port>(value));
        if (option == "--zone-orig") return set(options_.zone, number<std::uint16_t>(value));
        if (option == "--log-level") return value == "debug" || value == "7";
        return take_text(option, value);
    }

    static bool is_known_match(std::string_view name) {
        static constexpr std::array<std::string_view, 8> known{
            "tcp", "udp", "multiport", "owner", "addrtype", "conntrack", "comment", "mark"};
        return std::ranges::find(known, name) != known.end();
    }
    template <class Value>
    static bool set(std::optional<Value>& option, std::optional<Value> value) {
        if (option || !value) return false;
        option = std::move(value);
        return true;
    }
    bool take_text(std::string_view option, const std::string& value) {
        auto* const text = option == "-j"             ? &options_.target
                           : option == "--comment"    ? &options_.comment
                           : option == "--log-prefix" ? &options_.log_prefix
                                                      : nullptr;
        if (text == nullptr || !text->empty()) return false;
        *text = value;
        return true;
    }
    bool take_protocol(std::string_view value) {
        if (value != "tcp" && value != "udp") return false;
        return set(options_.protocol,
                   std::optional{value == "tcp" ? Protocol::tcp : Protocol::udp});
    }
    bool take_address(std::string_view option, const std::string& value, bool negated) {
        const auto network = Cidr::parse(value);
        if (!network || network->base.family() != family_) return false;
        const bool is_source = option == "-s";
        return set(is_source ? options_.source : options_.destination,
                   std::optional{MatchAddress{
                       is_source ? MatchAddress::Field::saddr : MatchAddress::Field::daddr,
                       negated ? Sense::not_equal : Sense::equal, family_, *network}});
    }
    bool take_device(std::string_view option, std::string name, bool negated) {
        const Device device = option == "-i" ? Device::in : Device::out;
        if (name == loopback_) {
            options_.devices.emplace_back(
                MatchLoopback{device, negated ? Sense::not_equal : Sense::equal});
            return true;
        }
        if (negated || name.empty()) return false;
        if (name.back() == '+') name.back() = '*';
        options_.devices.emplace_back(MatchInterface{device, std::move(name)});
        return true;
    }

    Family family_;
    std::string_view loopback_;
    Options options_;
};

std::optional<Verdict> verdict_of(const Options& options) {
    if (options.target == "RETURN") return Return{};
    if (options.target == "DROP") return Drop{};
    if (options.target == "REDIRECT" && options.to_port) return RedirectTo{*options.to_port};
    if (options.target == "CT" && options.zone) return OriginalZone{*options.zone};
    if (options.target.starts_with(chain_prefix)) return Jump{chain_of_model(options.target)};
    return std::nullopt;
}

void add_ports(const PortElements& elements, const std::string& set_name, SavedRule& saved) {
    if (elements.size() == 1) {
        saved.rule.matches.emplace_back(MatchDport{elements.front()});
        return;
    }
    saved.sets.push_back({set_name, "", elements});
    saved.rule.matches.emplace_back(MatchDport{SetRef{set_name}});
}

void add_users(const UidRange& users, const std::string& set_name, SavedRule& saved) {
    if (users.first == users.last) {
        saved.rule.matches.emplace_back(MatchSkuid{users.first});
        return;
    }
    saved.sets.push_back({set_name + "s", "", UidElements{users}});
    saved.rule.matches.emplace_back(MatchSkuid{SetRef{set_name + "s"}});
}

void add_groups(const GidRange& groups, const std::string& set_name, SavedRule& saved) {
    if (groups.first == groups.last) {
        saved.rule.matches.emplace_back(MatchSkgid{groups.first});
        return;
    }
    saved.sets.push_back({set_name + "g", "", GidElements{groups}});
    saved.rule.matches.emplace_back(MatchSkgid{SetRef{set_name + "g"}});
}

/// Takes the cause off the comment.
void read_comment(std::string comment, Rule& rule) {
    const auto at = comment.find(cause_separator);
    if (at != comment.npos && is_cause(std::string_view{comment}.substr(0, at))) {
        rule.counter = comment.substr(0, at);
        comment.erase(0, at + cause_separator.size());
    }
    rule.comment = std::move(comment);
}

SavedRule rule_of(Options options, Family family, const std::string& set_name) {
    SavedRule saved;
    auto& matches = saved.rule.matches;
    matches.emplace_back(MatchFamily{family});
    if (options.protocol) matches.emplace_back(MatchL4Proto{{*options.protocol}});
    if (options.ports) add_ports(*options.ports, set_name, saved);
    if (options.source) matches.emplace_back(*options.source);
    if (options.destination) matches.emplace_back(*options.destination);
    if (options.users) add_users(*options.users, set_name, saved);
    if (options.groups) add_groups(*options.groups, set_name, saved);
    if (options.mark) matches.emplace_back(*options.mark);
    matches.insert(matches.end(), options.devices.begin(), options.devices.end());
    if (options.local_destination) matches.emplace_back(MatchLocalDestination{});
    if (options.invalid) matches.emplace_back(MatchInvalid{});
    read_comment(std::move(options.comment), saved.rule);
    saved.rule.log_prefix = std::move(options.log_prefix);
    return saved;
}

}  // namespace

std::optional<std::vector<std::string>> split_iptables_line(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false, in_quotes = false, escaped = false;
    for (const char c : line) {
        if (in_quotes && !escaped && c == '\\') {
            escaped = true;
        } else if (!escaped && c == '"') {
            in_quotes = !in_quotes;
            in_word = true;
        } else if (!in_quotes && (c == ' ' || c == '\t')) {
            if (in_word) words.push_back(std::move(word));
            word.clear();
            in_word = false;
        } else {
            word += c;
            in_word = true;
            escaped = false;
        }
    }
    if (in_quotes) return std::nullopt;
    if (in_word) words.push_back(std::move(word));
    return words;
}

std::string chain_of_model(std::string_view chain) {
    std::string name{chain.substr(std::min(chain_prefix.size(), chain.size()))};
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return name;
}

std::optional<SavedRule> parse_saved_rule(const std::vector<std::string>& words, Family family,
                                          std::string_view loopback, const std::string& set_name) {
    auto options = OptionReader{family, loopback}.read(words);
    if (!options) return std::nullopt;
    const bool is_log = options->target == "LOG" && !options->log_prefix.empty();
    const auto verdict = is_log ? Verdict{Return{}} : verdict_of(*options);
    if (!verdict) return std::nullopt;
    auto saved = rule_of(std::move(*options), family, set_name);
    saved.rule.verdict = *verdict;
    saved.is_log = is_log;
    return saved;
}

}  // namespace meshgate::netfilter
