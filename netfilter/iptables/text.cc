#include "netfilter/iptables/text.h"

#include "netfilter/iptables/alternatives.h"
#include "netfilter/iptables/replacement.h"

#include <algorithm>
#include <array>
#include <utility>

namespace meshgate::netfilter {
namespace {

/// After the prefix; and TABLE_EXCEPT_NUMBER. What a later version calls otherwise stays here, for
/// it is to be removed.
constexpr std::array<std::string_view, 8> our_chains{
    "RAW_OUTPUT",        "RAW_PREROUTING", "DNS_ZONE", "NETWORK_DNS_ZONE",
    "MANGLE_PREROUTING", "OUTPUT",         "NETWORKS", "INBOUND"};

constexpr std::size_t max_chain_name = 28;  // XT_EXTENSION_MAXNAMELEN less the NUL
constexpr std::size_t max_comment = 255;    // XT_MAX_COMMENT_LEN less the NUL
constexpr std::size_t max_log_prefix = 29;  // struct xt_log_info, less the NUL
constexpr int conntrack_priority = -200;    // enum nf_ip_hook_priorities
constexpr int filter_priority = 0;
constexpr int dnat_priority = -100;

std::string_view table_of(const BaseChain& base) {
    if (base.type == ChainType::nat) return "nat";
    if (base.priority < conntrack_priority) return "raw";
    if (base.priority < filter_priority) return "mangle";
    throw Inexpressible("no table of iptables is at priority " + std::to_string(base.priority));
}

std::string chain_name(std::string_view prefix, std::string_view name) {
    std::string upper{prefix};
    for (const char c : name) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (!is_our_chain(upper)) throw Inexpressible("chain " + upper + ": not one of ours");
    if (upper.size() > max_chain_name) {
        throw Inexpressible("chain " + upper + ": a name of iptables has at most 28 bytes");
    }
    return upper;
}

/// A word of iptables-restore that may hold anything printable.
std::string in_double_quotes(std::string_view text) {
    std::string word{"\""};
    for (const char c : text) {
        if (c == '"' || c == '\\') word += '\\';
        word += c;
    }
    return word + "\"";
}

std::string comment_option(const std::string& comment) {
    if (comment.empty()) return "";
    if (comment.size() > max_comment) throw Inexpressible("a comment of more than 255 bytes");
    return "-m comment --comment " + in_double_quotes(comment) + " ";
}

/// The comment of the rule that decides: iptables counts in rules, and has no other name for them.
std::string counting_comment(const Rule& rule) {
    if (!rule.counter || rule.counter->empty()) return rule.comment;
    return *rule.counter + std::string{cause_separator} + rule.comment;
}

/// nft's priority is more than the place in the table says.
std::string jump_comment(const Chain& chain) {
    return "meshgate: " + chain.name + ", priority " + std::to_string(chain.base->priority);
}

std::string target(const Verdict& verdict, std::string_view prefix) {
    if (std::holds_alternative<Return>(verdict)) return "-j RETURN";
    if (std::holds_alternative<Drop>(verdict)) return "-j DROP";
    if (const auto* jump = std::get_if<Jump>(&verdict)) {
        return "-j " + chain_name(prefix, jump->chain);
    }
    if (const auto* redirect = std::get_if<RedirectTo>(&verdict)) {
        return "-j REDIRECT --to-ports " + std::to_string(redirect->port);
    }
    if (const auto* zone = std::get_if<OriginalZone>(&verdict)) {
        return "-j CT --zone-orig " + std::to_string(zone->zone);
    }
    throw_no_vips();
}

/// "-p tcp " of an alternative: REDIRECT wants it in its own rule.
std::string protocol_of(const std::string& matches) {
    for (const std::string_view protocol : {"-p tcp ", "-p udp "}) {
        if (matches.find(protocol) != std::string::npos) return std::string{protocol};
    }
    return "";
}

/// The chains of one table and family, in the order in which they are to be declared.
class TableWriter {
public:
    TableWriter(const Ruleset& ruleset, Family family, std::string_view loopback,
                std::string_view prefix)
        : ruleset_{ruleset}, family_{family}, loopback_{loopback}, prefix_{prefix} {}

    TableWords write(std::string_view table) {
        words_.table = table;
        std::vector<const Chain*> bases;
        for (const Chain& chain : ruleset_.chains) {
            if (chain.base && table_of(*chain.base) == table) bases.push_back(&chain);
        }
        std::ranges::stable_sort(bases, {}, [](const Chain* one) { return one->base->priority; });
        for (const Chain* base : bases) {
            if (!is_left_alone(*base)) add_base(*base);
        }
        return std::move(words_);
    }

private:
    Alternatives alternatives(const Rule& rule) const {
        return alternatives_of(rule, ruleset_, family_, loopback_);
    }

    /// Nothing of this family gets further than the first rule that concerns it.
    bool is_left_alone(const Chain& chain) const {
        for (const Rule& rule : chain.rules) {
            const auto ways = alternatives(rule);
            if (ways.matches.empty()) continue;
            return std::holds_alternative<Return>(rule.verdict) && ways.matches.front().empty() &&
                   ways.excluded.empty() && rule.log_prefix.empty();
        }
        return true;
    }

    void add_base(const Chain& chain) {
        add(chain);
        const auto& base = *chain.base;
        // Before the table's own place on the hook: first in the chain, one after the other.
        const bool first = base.type == ChainType::nat && base.priority < dnat_priority;
        words_.jumps.push_back(
            {.chain = base.hook == Hook::prerouting ? "PREROUTING" : "OUTPUT",
             .spec = comment_option(jump_comment(chain)) + "-j " + chain_name(prefix_, chain.name),
             .first = first});
    }

    void add(const Chain& chain) {
        const std::string name = chain_name(prefix_, chain.name);
        if (std::ranges::find(words_.chains, name) != words_.chains.end()) return;
        words_.chains.push_back(name);
        for (const Rule& rule : chain.rules) {
            const auto ways = alternatives(rule);
            if (ways.matches.empty()) continue;
            if (const auto* jump = std::get_if<Jump>(&rule.verdict)) add(chain_of(jump->chain));
        }
        for (const Rule& rule : chain.rules) add(rule, name);
    }

    const Chain& chain_of(const std::string& name) const {
        const auto chain = std::ranges::find(ruleset_.chains, name, &Chain::name);
        if (chain == ruleset_.chains.end()) throw std::out_of_range("no chain " + name);
        return *chain;
    }

    void add(const Rule& rule, const std::string& chain) {
        const auto ways = alternatives(rule);
        for (const auto& matches : ways.matches) {
            if (ways.excluded.empty()) {
                put(chain, matches, rule);
            } else {
                put_with_exclusions(chain, matches, ways.excluded, rule);
            }
        }
    }

    /// What is in one of the networks comes back from a chain of its own, the rest is dealt with
    /// there.
    void put_with_exclusions(const std::string& chain, const std::string& matches,
                             const std::vector<std::string>& excluded, const Rule& rule) {
        if (std::holds_alternative<Return>(rule.verdict)) {
            throw Inexpressible("iptables cannot return from outside of several networks");
        }
        const std::string name =
            chain_name(prefix_, words_.table + "_except_" + std::to_string(++exceptions_));
        words_.chains.push_back(name);
        for (const auto& network : excluded) {
            words_.rules.push_back("-A " + name + " " + network + "-j RETURN");
        }
        put(name, protocol_of(matches), rule);
        words_.rules.push_back("-A " + chain + " " + matches + comment_option(rule.comment) +
                               "-j " + name);
    }

    void put(const std::string& chain, const std::string& matches, const Rule& rule) {
        const std::string start = "-A " + chain + " " + matches + comment_option(rule.comment);
        if (!rule.log_prefix.empty()) {
            if (rule.log_prefix.size() > max_log_prefix) {
                throw Inexpressible("a log prefix of iptables has at most 29 bytes");
            }
            words_.rules.push_back(start + "-j LOG --log-prefix " +
                                   in_double_quotes(rule.log_prefix) + " --log-level debug");
        }
        words_.rules.push_back("-A " + chain + " " + matches +
                               comment_option(counting_comment(rule)) +
                               target(rule.verdict, prefix_));
    }

    const Ruleset& ruleset_;
    Family family_;
    std::string_view loopback_;
    std::string_view prefix_;
    int exceptions_ = 0;
    TableWords words_;
};

}  // namespace

bool is_our_chain(std::string_view name) noexcept {
    if (name == mark_chain) return true;
    const bool is_trial = name.starts_with(trial_prefix);
    if (!is_trial && !name.starts_with(chain_prefix)) return false;
    name.remove_prefix(is_trial ? trial_prefix.size() : chain_prefix.size());
    if (std::ranges::find(our_chains, name) != our_chains.end()) return true;
    const auto number = name.find("_EXCEPT_");
    return number != name.npos && number + 8 < name.size() &&
           name.find_first_not_of("0123456789", number + 8) == name.npos;
}

std::vector<TableWords> iptables_words(const Ruleset& ruleset, Family family,
                                       std::string_view loopback, std::string_view prefix) {
    std::vector<TableWords> tables;
    for (const auto table : iptables_tables) {
        auto words = TableWriter{ruleset, family, loopback, prefix}.write(table);
        if (!words.jumps.empty()) tables.push_back(std::move(words));
    }
    return tables;
}

std::string to_iptables(const Ruleset& ruleset, Family family, std::string_view loopback) {
    return replacement_text({}, iptables_words(ruleset, family, loopback));
}

std::string to_iptables(const Ruleset& ruleset, std::string_view loopback) {
    return "# iptables-restore --noflush\n" + to_iptables(ruleset, Family::ipv4, loopback) +
           "# ip6tables-restore --noflush\n" + to_iptables(ruleset, Family::ipv6, loopback);
}

}  // namespace meshgate::netfilter
