#include "netfilter/iptables/saved.h"

#include "netfilter/iptables/replacement.h"
#include "netfilter/iptables/saved_rule.h"
#include "netfilter/iptables/text.h"
#include "netfilter/ruleset/counters.h"
#include "netfilter/ruleset/words.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace meshgate::netfilter {
namespace {

constexpr int default_priorities[]{-300, -150, -100};  // of raw, mangle and nat
constexpr std::string_view priority_words = ", priority ";

/// The chain that a rule leads to.
std::string_view target_of(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == "-j" || words[i] == "-g") return words[i + 1];
    }
    return "";
}

std::string_view comment_of(const std::vector<std::string>& words) {
    const auto found = std::ranges::find(words, "--comment");
    return found == words.end() || found + 1 == words.end() ? std::string_view{} : *(found + 1);
}

/// Takes "[12:720] " off the line: packets and bytes. None when there is no such thing.
std::optional<CounterValue> take_counts(std::string_view& line) {
    const auto end = line.find("] ");
    if (!line.starts_with('[') || end == line.npos) return std::nullopt;
    const auto inside = line.substr(1, end - 1);
    line.remove_prefix(end + 2);
    const auto colon = inside.find(':');
    CounterValue counted;
    const auto read = [](std::string_view digits, std::uint64_t& to) {
        const auto* const stop = digits.data() + digits.size();
        const auto parsed = std::from_chars(digits.data(), stop, to);
        return parsed.ec == std::errc{} && parsed.ptr == stop;
    };
    if (colon == inside.npos || !read(inside.substr(0, colon), counted.packets) ||
        !read(inside.substr(colon + 1), counted.bytes)) {
        return std::nullopt;
    }
    return counted;
}

/// "meshgate: output, priority -105".
std::optional<int> priority_of(std::string_view comment) {
    const auto at = comment.find(priority_words);
    if (!comment.starts_with("meshgate: ") || at == comment.npos) return std::nullopt;
    comment.remove_prefix(at + priority_words.size());
    int priority = 0;
    const auto* const end = comment.data() + comment.size();
    const auto [stop, error] = std::from_chars(comment.data(), end, priority);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return priority;
}

class SavedReader {
public:
    SavedReader(Family family, std::string_view loopback) : family_{family}, loopback_{loopback} {}

    SavedRules read(std::string_view text) {
        while (!text.empty()) {
            const auto end = std::min(text.find('\n'), text.size());
            read_line(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        end_table();
        return std::move(saved_);
    }

private:
    void read_line(std::string_view line) {
        counted_ = take_counts(line);
        if (line.starts_with('*')) {
            end_table();
            table_.table = line.substr(1);
        } else if (line.starts_with(':')) {
            add_chain(line.substr(1, line.find(' ') - 1));
        } else if (line.starts_with("-A ") || line.starts_with("-I ")) {
            add_rule(line);
        }
    }

    void add_chain(std::string_view name) {
        if (!is_our_chain(name)) return;
        table_.chains.emplace_back(name);
        if (name.starts_with(trial_prefix)) return note("chain " + std::string{name});
        if (name != mark_chain) saved_.chains.push_back({chain_of_model(name), {}, {}});
    }

    void add_rule(std::string_view line) {
        const auto words = split_iptables_line(line);
        if (!words || words->size() < 2) return;
        const std::string& chain = (*words)[1];
        if (chain == mark_chain) {
            table_.rules.emplace_back(line);
            if (const auto mark = parse_ownership(comment_of(*words))) marks_.push_back(*mark);
        } else if (chain.starts_with(trial_prefix)) {
            table_.rules.emplace_back(line);
        } else if (is_our_chain(chain)) {
            table_.rules.emplace_back(line);
            add_own_rule(*words, chain_of_model(chain), line);
        } else if (is_our_chain(target_of(*words))) {
            add_jump(*words, line);
        } else {
            note_order_of_appended(chain);
            has_foreign_rule_.push_back(chain);
        }
    }

    Chain& chain_named(const std::string& name) {
        const auto found = std::ranges::find(saved_.chains, name, &Chain::name);
        if (found != saved_.chains.end()) return *found;
        return saved_.chains.emplace_back(Chain{name, {}, {}});
    }

    void add_own_rule(const std::vector<std::string>& words, const std::string& name,
                      std::string_view line) {
        Chain& chain = chain_named(name);
        const auto set_name = std::string{address_protocol(family_)} + "_" + name + "_" +
                              std::to_string(chain.rules.size() + 1);
        auto saved =
            parse_saved_rule({words.begin() + 2, words.end()}, family_, loopback_, set_name);
        if (!saved) return note("rule '" + std::string{line} + "'");
        if (saved->is_log) {
            log_ = std::move(saved->rule);
            return;
        }
        if (log_) {
            if (log_->matches != saved->rule.matches) note("a LOG rule in chain " + name);
            saved->rule.log_prefix = std::exchange(log_, std::nullopt)->log_prefix;
        }
        count(saved->rule);
        chain.rules.push_back(std::move(saved->rule));
        for (auto& set : saved->sets) saved_.sets.push_back(std::move(set));
    }

    void count(const Rule& rule) {
        if (!counted_ || !rule.counter) return;
        const auto known = std::ranges::find(saved_.counters, *rule.counter, &CounterValue::name);
        if (known == saved_.counters.end()) {
            saved_.counters.push_back({*rule.counter, counted_->packets, counted_->bytes});
        } else {
            known->packets += counted_->packets;
            known->bytes += counted_->bytes;
        }
    }

    int priority_of_table() const {
        const auto at = std::ranges::find(iptables_tables, table_.table);
        return default_priorities[std::min<std::ptrdiff_t>(at - std::begin(iptables_tables), 2)];
    }

    void add_jump(const std::vector<std::string>& words, std::string_view line) {
        const std::string& from = words[1];
        const auto target = target_of(words);
        const bool is_nat = table_.table == "nat";
        const int priority = priority_of(comment_of(words)).value_or(priority_of_table());
        const bool first = is_nat && priority < priority_of_table();
        if (first && std::ranges::find(has_foreign_rule_, from) != has_foreign_rule_.end()) {
            note("the jump to " + std::string{target} + " comes after rules of others in " + from +
                 ": install again");
        }
        auto spec = line.substr(line.find(' ') + 1);
        spec.remove_prefix(spec.find(' ') + 1);
        table_.jumps.push_back({from, without_position(spec), first});
        if (from != "OUTPUT" && from != "PREROUTING") {
            return note("a jump from " + from + " to " + std::string{target});
        }
        Chain& chain = chain_named(chain_of_model(target));
        if (chain.base) note("a second jump to " + std::string{target});
        chain.base = BaseChain{is_nat ? ChainType::nat : ChainType::filter,
                               from == "OUTPUT" ? Hook::output : Hook::prerouting, priority};
    }

    /// "1 -j CHAIN" of what we print for `-I`.
    /// Inbound capture is to come after the DNAT of others, and later rules are appended after it.
    void note_order_of_appended(const std::string& chain) {
        for (const JumpWords& jump : table_.jumps) {
            if (table_.table != "nat" || jump.chain != chain || jump.first) continue;
            const auto words = split_iptables_line(jump.spec);
            note("the jump to " + std::string{words ? target_of(*words) : "?"} +
                 " comes before rules of others in " + chain + ": install again");
        }
    }

    static std::string without_position(std::string_view spec) {
        if (!spec.empty() && spec.front() >= '0' && spec.front() <= '9') {
            spec.remove_prefix(spec.find(' ') + 1);
        }
        return std::string{spec};
    }

    void note(std::string what) {
        saved_.unknown.push_back(std::string{address_protocol(family_)} + " " + table_.table +
                                 ": " + std::move(what));
    }

    void end_table() {
        if (log_) note("a LOG rule");
        if (!table_.chains.empty() || !table_.jumps.empty()) {
            if (marks_.size() != 1) note("without the mark of its origin");
            saved_.marks.insert(saved_.marks.end(), marks_.begin(), marks_.end());
            saved_.tables.push_back(std::move(table_));
        }
        table_ = {};
        marks_.clear();
        has_foreign_rule_.clear();
        log_.reset();
    }

    Family family_;
    std::string_view loopback_;
    TableWords table_;
    std::vector<Ownership> marks_;
    std::vector<std::string> has_foreign_rule_;
    std::optional<Rule> log_;
    std::optional<CounterValue> counted_;  ///< of the line that is read
    SavedRules saved_;
};

/// The rules of the second family after those of the first.
void merge(const SavedRules& from, Ruleset& ruleset) {
    ruleset.sets.insert(ruleset.sets.end(), from.sets.begin(), from.sets.end());
    for (const Chain& chain : from.chains) {
        const auto found = std::ranges::find(ruleset.chains, chain.name, &Chain::name);
        if (found == ruleset.chains.end()) {
            ruleset.chains.push_back(chain);
            continue;
        }
        if (!found->base) found->base = chain.base;
        found->rules.insert(found->rules.end(), chain.rules.begin(), chain.rules.end());
    }
}

Ruleset merged(const SavedRules& ipv4, const SavedRules& ipv6) {
    Ruleset ruleset;
    merge(ipv4, ruleset);
    merge(ipv6, ruleset);
    // iptables-save prints chains in an order of its own.
    std::ranges::sort(ruleset.chains, {}, &Chain::name);
    std::ranges::sort(ruleset.sets, {}, &Set::name);
    ruleset.counters = used_counters(ruleset.chains);
    return ruleset;
}

}  // namespace

SavedRules read_saved(std::string_view text, Family family, std::string_view loopback) {
    return SavedReader{family, loopback}.read(text);
}

std::optional<Installed> installed_of(const SavedRules& ipv4, const SavedRules& ipv6) {
    if (ipv4.tables.empty() && ipv6.tables.empty()) return std::nullopt;
    Installed installed;
    installed.ruleset = merged(ipv4, ipv6);
    auto marks = ipv4.marks;
    marks.insert(marks.end(), ipv6.marks.begin(), ipv6.marks.end());
    installed.ownership =
        marks.empty() ? Ownership{.format = 0, .version = {}, .digest = {}} : marks.front();
    installed.unknown = ipv4.unknown;
    installed.unknown.insert(installed.unknown.end(), ipv6.unknown.begin(), ipv6.unknown.end());
    if (std::ranges::any_of(marks, [&](const auto& mark) { return mark != marks.front(); })) {
        installed.unknown.emplace_back("its tables are of several installs: one was interrupted");
    }
    return installed;
}

Ruleset iptables_form(const Ruleset& ruleset, std::string_view loopback, bool has_ipv6) {
    const auto read = [&](Family family) {
        return read_saved(to_iptables(ruleset, family, loopback), family, loopback);
    };
    return merged(read(Family::ipv4), has_ipv6 ? read(Family::ipv6) : SavedRules{});
}

void add_mark(std::vector<TableWords>& tables, const Ownership& ownership) {
    for (auto& table : tables) {
        table.chains.emplace_back(mark_chain);
        table.rules.push_back("-A " + std::string{mark_chain} + " -m comment --comment \"" +
                              ownership_words(ownership) + "\" -j RETURN");
    }
}

}  // namespace meshgate::netfilter
