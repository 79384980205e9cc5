#include "netfilter/ruleset/print.h"

#include "netfilter/ruleset/sha256.h"
#include "netfilter/ruleset/words.h"

#include <string_view>

namespace meshgate::netfilter {
namespace {

constexpr std::size_t line_columns = 100;

/// Writes the matches and the verdict of one rule, separated by spaces.
class RuleWriter {
public:
    std::string write(const Rule& rule) {
        for (std::size_t i = 0; i < rule.matches.size(); ++i) {
            const bool port_follows = i + 1 < rule.matches.size() &&
                                      std::holds_alternative<MatchDport>(rule.matches[i + 1]);
            const auto* proto = std::get_if<MatchL4Proto>(&rule.matches[i]);
            if (proto != nullptr && proto->protocols.size() == 1 && port_follows) {
                // "tcp dport 53" is nft's short form of "meta l4proto tcp th dport 53"
                put(word(proto->protocols.front()));
                put_port(std::get<MatchDport>(rule.matches[++i]));
                continue;
            }
            std::visit([this](const auto& match) { put(match); }, rule.matches[i]);
        }
        if (rule.counter) put(counter_words(rule.counter));
        if (!rule.log_prefix.empty()) put("log prefix \"" + rule.log_prefix + "\" level debug");
        std::visit([this](const auto& verdict) { put(verdict); }, rule.verdict);
        return std::move(text_);
    }

private:
    void put(std::string_view words) {
        if (!text_.empty()) text_ += ' ';
        text_ += words;
    }
    void put(const char* words) { put(std::string_view{words}); }
    void put_sense(Sense sense) {
        if (sense == Sense::not_equal) put(word(sense));
    }
    void put(const SetRef& set) { put("@" + set.name); }
    void put(const Cidr& network) { put(network_words(network)); }
    void put(Uid uid) { put(std::to_string(uid)); }
    void put(const PortRange& range) {
        put(std::to_string(range.first) +
            (range.first == range.last ? "" : "-" + std::to_string(range.last)));
    }

    void put(const MatchFamily& match) {
        put("meta nfproto");
        put(word(match.family));
    }
    void put(const MatchL4Proto& match) {
        put("meta l4proto");
        if (match.protocols.size() == 1) return put(word(match.protocols.front()));
        std::string list;
        for (const Protocol protocol : match.protocols) {
            list += (list.empty() ? "" : ", ") + std::string{word(protocol)};
        }
        put("{ " + list + " }");
    }
    void put_port(const MatchDport& match) {
        put("dport");
        std::visit([this](const auto& ports) { put(ports); }, match.ports);
    }
    void put(const MatchDport& match) {
        put("th");
        put_port(match);
    }
    void put(const MatchAddress& match) {
        put(address_protocol(match.family));
        put(word(match.field));
        put_sense(match.sense);
        std::visit([this](const auto& networks) { put(networks); }, match.networks);
    }
    void put(const MatchSkuid& match) {
        put("meta skuid");
        std::visit([this](const auto& users) { put(users); }, match.users);
    }
    void put(const MatchSkgid& match) {
        put("meta skgid");
        std::visit([this](const auto& groups) { put(groups); }, match.groups);
    }
    void put(const MatchMark& match) {
        put("meta mark");
        if (match.mask != conf::whole_mark) put("& " + mark_words(match.mask));
        if (const auto* set = std::get_if<SetRef>(&match.marks)) return put(*set);
        // The operator is needed after a mask, which would be one of two numbers otherwise.
        if (match.mask != conf::whole_mark) put("==");
        put(mark_words(std::get<Mark>(match.marks)));
    }
    void put(const MatchLoopback& match) {
        put("meta " + std::string{word(match.device)} + "type");
        put_sense(match.sense);
        put("loopback");
    }
    void put(const MatchInterface& match) {
        put(std::string{word(match.device)} + "name \"" + match.name + "\"");
    }
    void put(const MatchLocalDestination&) { put("fib daddr type local"); }
    void put(const MatchInvalid&) { put("ct state invalid"); }
    void put(const MatchOriginalDestination& match) {
        put("ct original");
        put(address_protocol(match.family));
        put("daddr");
        put(match.networks);
    }
    void put(const MatchLocalSource& match) {
        put(match.of_interface ? "fib saddr . oif type" : "fib saddr type");
        put_sense(match.sense);
        put("local");
    }

    void put(const Return&) { put("return"); }
    void put(const Drop&) { put("drop"); }
    void put(const Jump& jump) { put("jump " + jump.chain); }
    void put(const RedirectTo& redirect) { put("redirect to :" + std::to_string(redirect.port)); }
    void put(const OriginalZone& zone) { put("ct original zone set " + std::to_string(zone.zone)); }
    void put(const ToClass& to) {
        put(destination_words(to.family, to.protocol) + " vmap @" + to.map);
    }
    void put(const DnatToSlot& to) {
        put("dnat " + std::string{address_protocol(to.family)} + " to " +
            destination_words(to.family, to.protocol) + " . " +
            slot_words(to.choice, to.slots, to.family) + " map @" + to.map);
    }
    void put(const Masquerade&) { put("masquerade"); }
    void put(const Reject& reject) {
        put(reject.tcp_reset ? "reject with tcp reset" : "reject with icmpx port-unreachable");
    }

    std::string text_;
};

/// `elements = { ... }` over as many lines as it takes.
std::string elements_block(const std::vector<std::string>& elements) {
    std::string block;
    std::string line = "\t\telements = {";
    for (std::size_t i = 0; i < elements.size(); ++i) {
        if (line.size() + elements[i].size() > line_columns) {
            block += line + "\n";
            line = "\t\t            ";
        }
        line += " " + elements[i] + (i + 1 < elements.size() ? "," : "");
    }
    return block + line + " }\n";
}

std::string set_block(const Set& set) {
    std::string block = "\tset " + set.name + " {\n\t\ttype " + std::string{type_word(set)} + "\n";
    if (set.is_interval()) block += "\t\tflags interval\n";
    if (!set.comment.empty()) block += "\t\t" + comment_words(set.comment).substr(1) + "\n";
    const auto elements = element_words(set);
    if (!elements.empty()) block += elements_block(elements);
    return block + "\t}\n";
}

std::string map_type_words(const ClassMap& map) {
    return "type " + key_type_words(map) + " : verdict";
}

/// Not by `type`: nft knows no name for the type of a number that numgen makes.
std::string map_type_words(const EndpointMap& map) {
    const auto destination = destination_words(map.family, map.protocol);
    return "typeof " + destination + " . " + slot_words(SlotChoice::random, 1, map.family) + " : " +
           destination;
}

enum class Elements : std::uint8_t { shown, left_out };

template <class Map>
std::string map_block(const Map& map, Elements elements) {
    std::string block = "\tmap " + map.name + " {\n\t\t" + map_type_words(map) + "\n";
    if (!map.comment.empty()) block += "\t\t" + comment_words(map.comment).substr(1) + "\n";
    std::vector<std::string> words;
    if (elements == Elements::shown) {
        words.reserve(map.elements.size());
        for (const auto& element : map.elements) words.push_back(element_words(element));
    }
    if (!words.empty()) block += elements_block(words);
    return block + "\t}\n";
}

std::string chain_block(const Chain& chain) {
    std::string block = "\tchain " + chain.name + " {\n";
    if (chain.base) block += "\t\t" + base_words(*chain.base) + "\n";
    for (const Rule& rule : chain.rules) {
        block += "\t\t" + to_nft(rule) + comment_words(rule.comment) + "\n";
    }
    return block + "\t}\n";
}

std::string table_block(const Ruleset& ruleset, Elements of_maps) {
    std::string block = "table inet " + ruleset.table + " {\n";
    for (const auto& counter : ruleset.counters) block += "\tcounter " + counter + " {\n\t}\n";
    for (const Set& set : ruleset.sets) block += set_block(set);
    for (const auto& map : ruleset.class_maps) block += map_block(map, of_maps);
    for (const auto& map : ruleset.endpoint_maps) block += map_block(map, of_maps);
    for (const Chain& chain : ruleset.chains) block += chain_block(chain);
    return block + "}\n";
}

template <class Map>
void add_lines(const Map& map, std::vector<std::string>& lines) {
    lines.push_back("map " + map.name + " { " + map_type_words(map) + "; }" +
                    comment_words(map.comment));
    for (const auto& element : map.elements) {
        lines.push_back("element " + map.name + " { " + element_words(element) + " }");
    }
}

}  // namespace

std::string to_nft(const Rule& rule) {
    return RuleWriter{}.write(rule);
}

std::string to_nft(const Ruleset& ruleset) {
    return "add table inet " + ruleset.table + "\ndelete table inet " + ruleset.table + "\n" +
           table_block(ruleset, Elements::shown);
}

std::vector<std::string> to_lines(const Ruleset& ruleset) {
    std::vector<std::string> lines;
    for (const auto& counter : ruleset.counters) lines.push_back("counter " + counter);
    for (const Set& set : ruleset.sets) {
        lines.push_back("set " + set.name + " { type " + std::string{type_word(set)} +
                        (set.is_interval() ? "; flags interval; }" : "; }") +
                        comment_words(set.comment));
        for (const auto& element : element_words(set)) {
            lines.push_back("element " + set.name + " { " + element + " }");
        }
    }
    for (const auto& map : ruleset.class_maps) add_lines(map, lines);
    for (const auto& map : ruleset.endpoint_maps) add_lines(map, lines);
    for (const Chain& chain : ruleset.chains) {
        lines.push_back("chain " + chain.name +
                        (chain.base ? " { " + base_words(*chain.base) + " }" : ""));
        for (const Rule& rule : chain.rules) {
            lines.push_back(chain.name + " " + to_nft(rule) + comment_words(rule.comment));
        }
    }
    return lines;
}

namespace {

struct RemoveElements {
    void operator()(PortElements& elements) const { elements.clear(); }
    void operator()(UidElements& elements) const { elements.clear(); }
    void operator()(AddressElements& elements) const { elements.networks.clear(); }
    template <class Others>
    void operator()(Others& elements) const {
        elements.clear();
    }
};

}  // namespace

std::string digest(const Ruleset& ruleset) {
    Ruleset planned{.table = ruleset.table,
                    .sets = ruleset.sets,
                    .chains = ruleset.chains,
                    .counters = ruleset.counters};
    // Their elements, of which there may be many, are no part of it.
    for (const auto& map : ruleset.class_maps) {
        planned.class_maps.push_back({map.name, map.comment, map.family, {}});
    }
    for (const auto& map : ruleset.endpoint_maps) {
        planned.endpoint_maps.push_back({map.name, map.comment, map.family, map.protocol, {}});
    }
    for (Set& set : planned.sets) {
        if (is_followed(set.name)) std::visit(RemoveElements{}, set.elements);
    }
    return sha256(table_block(planned, Elements::left_out));
}

}  // namespace meshgate::netfilter
