#include "netfilter/iptables/alternatives.h"

#include "netfilter/iptables/text.h"
#include "netfilter/ruleset/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace meshgate::netfilter {
namespace {

constexpr std::size_t max_alternatives = 100'000;
/// XT_MULTI_PORTS; a range takes two of them (linux/netfilter/xt_multiport.h).
constexpr std::size_t ports_per_rule = 15;

std::string port_words(const PortRange& range) {
    return std::to_string(range.first) +
           (range.first == range.last ? "" : ":" + std::to_string(range.last));
}

std::string user_words(const UidRange& range) {
    return "-m owner --uid-owner " + std::to_string(range.first) +
           (range.first == range.last ? "" : "-" + std::to_string(range.last)) + " ";
}

std::string group_words(const GidRange& range) {
    return "-m owner --gid-owner " + std::to_string(range.first) +
           (range.first == range.last ? "" : "-" + std::to_string(range.last)) + " ";
}

/// As iptables-save prints it.
std::string in_hex(Mark mark) {
    std::array<char, 8> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), mark, 16).ptr;
    return "0x" + std::string{digits.begin(), end};
}

std::string mark_option(Mark mark, Mark mask) {
    return "-m mark --mark " + in_hex(mark) +
           (mask == conf::whole_mark ? "" : "/" + in_hex(mask)) + " ";
}

std::vector<std::string> port_lists(const PortElements& ports) {
    if (ports.size() == 1) return {"--dport " + port_words(ports.front()) + " "};
    std::vector<std::string> lists;
    std::string list;
    std::size_t used = 0;
    const auto finish = [&] {
        if (used > 0) lists.push_back("-m multiport --dports " + list + " ");
        list.clear();
        used = 0;
    };
    for (const PortRange& range : ports) {
        const std::size_t slots = range.first == range.last ? 1 : 2;
        if (used + slots > ports_per_rule) finish();
        list += (used > 0 ? "," : "") + port_words(range);
        used += slots;
    }
    finish();
    return lists;
}

class Expansion {
public:
    Expansion(const Ruleset& ruleset, Family family, std::string_view loopback)
        : ruleset_{ruleset}, family_{family}, loopback_{loopback} {}

    Alternatives expand(const Rule& rule) {
        // Ports need the protocol before them in the words too; nft's order is kept otherwise.
        for (const Match& match : rule.matches) {
            std::visit([this](const auto& one) { add(one); }, match);
        }
        return std::move(result_);
    }

private:
    void multiply(const std::vector<std::string>& words) {
        if (result_.matches.size() * words.size() > max_alternatives) {
            throw Inexpressible("a rule takes more than 100000 of iptables: use nftables, or "
                                "fewer users, ports and networks");
        }
        std::vector<std::string> product;
        product.reserve(result_.matches.size() * words.size());
        for (const auto& before : result_.matches) {
            for (const auto& after : words) product.push_back(before + after);
        }
        result_.matches = std::move(product);
    }
    template <class Elements>
    const Elements& elements_of(const SetRef& reference) const {
        const auto set = std::ranges::find(ruleset_.sets, reference.name, &Set::name);
        if (set == ruleset_.sets.end()) throw std::out_of_range("no set " + reference.name);
        return std::get<Elements>(set->elements);
    }

    void add(const MatchFamily& match) {
        if (match.family != family_) result_.matches.clear();
    }
    void add(const MatchL4Proto& match) {
        std::vector<std::string> words;
        for (const Protocol protocol : match.protocols) {
            words.push_back("-p " + std::string{word(protocol)} + " ");
        }
        multiply(words);
    }
    void add(const MatchDport& match) {
        if (const auto* range = std::get_if<PortRange>(&match.ports))
            return multiply(port_lists({*range}));
        multiply(port_lists(elements_of<PortElements>(std::get<SetRef>(match.ports))));
    }
    void add(const MatchAddress& match) {
        if (match.family != family_) return result_.matches.clear();
        std::vector<Cidr> networks;
        if (const auto* one = std::get_if<Cidr>(&match.networks)) {
            networks = {*one};
        } else {
            networks = elements_of<AddressElements>(std::get<SetRef>(match.networks)).networks;
        }
        const std::string option = match.field == MatchAddress::Field::saddr ? "-s " : "-d ";
        std::vector<std::string> words;
        for (const Cidr& network : networks) words.push_back(option + network_words(network) + " ");
        if (match.sense == Sense::equal) return multiply(words);
        if (words.size() == 1) return multiply({"! " + words.front()});
        result_.excluded.insert(result_.excluded.end(), words.begin(), words.end());
    }
    void add(const MatchSkuid& match) {
        if (const auto* user = std::get_if<Uid>(&match.users)) {
            return multiply({user_words({*user, *user})});
        }
        std::vector<std::string> words;
        for (const auto& range : elements_of<UidElements>(std::get<SetRef>(match.users))) {
            words.push_back(user_words(range));
        }
        multiply(words);
    }
    void add(const MatchSkgid& match) {
        if (const auto* group = std::get_if<Gid>(&match.groups)) {
            return multiply({group_words({*group, *group})});
        }
        std::vector<std::string> words;
        for (const auto& range : elements_of<GidElements>(std::get<SetRef>(match.groups))) {
            words.push_back(group_words(range));
        }
        multiply(words);
    }
    void add(const MatchMark& match) {
        if (const auto* mark = std::get_if<Mark>(&match.marks)) {
            return multiply({mark_option(*mark, match.mask)});
        }
        std::vector<std::string> words;
        for (const Mark mark : elements_of<MarkElements>(std::get<SetRef>(match.marks))) {
            words.push_back(mark_option(mark, match.mask));
        }
        multiply(words);
    }
    void add(const MatchLoopback& match) {
        multiply({std::string{match.sense == Sense::equal ? "" : "! "} +
                  (match.device == Device::in ? "-i " : "-o ") + std::string{loopback_} + " "});
    }
    void add(const MatchInterface& match) {
        std::string name = match.name;
        if (name.ends_with('*')) name.back() = '+';
        multiply({(match.device == Device::in ? "-i " : "-o ") + name + " "});
    }
    void add(const MatchLocalDestination&) { multiply({"-m addrtype --dst-type LOCAL "}); }
    void add(const MatchInvalid&) { multiply({"-m conntrack --ctstate INVALID "}); }
    [[noreturn]] static void add(const MatchOriginalDestination&) { throw_no_vips(); }
    [[noreturn]] static void add(const MatchLocalSource&) { throw_no_vips(); }

    const Ruleset& ruleset_;
    Family family_;
    std::string_view loopback_;
    Alternatives result_;
};

}  // namespace

Alternatives alternatives_of(const Rule& rule, const Ruleset& ruleset, Family family,
                             std::string_view loopback) {
    return Expansion{ruleset, family, loopback}.expand(rule);
}

void throw_no_vips() {
    throw std::invalid_argument("iptables cannot translate virtual addresses: only nftables can");
}

}  // namespace meshgate::netfilter
