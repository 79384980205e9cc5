#include "netfilter/ruleset/print.h"

#include "netfilter/ruleset/words.h"
#include "src/common/json_string.h"

#include <initializer_list>
#include <string_view>
#include <utility>

// The shapes of libnftables-json(5), schema 1.
namespace meshgate::netfilter {
namespace {

/// `{"key": value, ...}` of values that are JSON already; a member without a value is left out.
std::string object(std::initializer_list<std::pair<std::string_view, std::string>> members) {
    std::string json;
    for (const auto& [key, value] : members) {
        if (value.empty()) continue;
        json += (json.empty() ? "{" : ", ") + json_string(key) + ": " + value;
    }
    return json + "}";
}

std::string array(const std::vector<std::string>& values) {
    std::string json;
    for (const auto& value : values) json += (json.empty() ? "" : ", ") + value;
    return "[" + json + "]";
}

std::string match(Sense sense, std::string left, std::string right) {
    return object({{"match", object({{"op", json_string(word(sense))},
                                     {"left", std::move(left)},
                                     {"right", std::move(right)}})}});
}

std::string meta(std::string_view key) {
    return object({{"meta", object({{"key", json_string(key)}})}});
}

std::string payload(std::string_view protocol, std::string_view field) {
    return object({{"payload",
                    object({{"protocol", json_string(protocol)}, {"field", json_string(field)}})}});
}

std::string value(const SetRef& set) {
    return json_string("@" + set.name);
}

std::string value(Uid uid) {
    return std::to_string(uid);
}

template <class Range>
std::string range_value(const Range& range) {
    const auto first = std::to_string(range.first);
    if (range.first == range.last) return first;
    return object({{"range", array({first, std::to_string(range.last)})}});
}

std::string value(const PortRange& range) {
    return range_value(range);
}

std::string value(const Cidr& network) {
    const auto address = json_string(network.base.to_string());
    if (network.prefix == network.base.bytes().size() * 8) return address;
    return object(
        {{"prefix", object({{"addr", address}, {"len", std::to_string(network.prefix)}})}});
}

template <class... Alternatives>
std::string value(const std::variant<Alternatives...>& alternatives) {
    return std::visit([](const auto& one) { return value(one); }, alternatives);
}

std::string expression(const MatchFamily& m) {
    return match(Sense::equal, meta("nfproto"), json_string(word(m.family)));
}

std::string expression(const MatchL4Proto& m) {
    std::vector<std::string> protocols;
    for (const Protocol protocol : m.protocols) protocols.push_back(json_string(word(protocol)));
    return match(Sense::equal, meta("l4proto"),
                 protocols.size() == 1 ? protocols.front() : object({{"set", array(protocols)}}));
}

std::string expression(const MatchDport& m) {
    return match(Sense::equal, payload("th", "dport"), value(m.ports));
}

std::string expression(const MatchAddress& m) {
    return match(m.sense, payload(address_protocol(m.family), word(m.field)), value(m.networks));
}

std::string expression(const MatchSkuid& m) {
    return match(Sense::equal, meta("skuid"), value(m.users));
}

std::string expression(const MatchSkgid& m) {
    return match(Sense::equal, meta("skgid"), value(m.groups));
}

std::string expression(const MatchMark& m) {
    auto left = meta("mark");
    if (m.mask != conf::whole_mark) {
        left = object({{"&", array({std::move(left), std::to_string(m.mask)})}});
    }
    return match(Sense::equal, std::move(left), value(m.marks));
}

std::string expression(const MatchLoopback& m) {
    return match(m.sense, meta(std::string{word(m.device)} + "type"), json_string("loopback"));
}

std::string expression(const MatchInterface& m) {
    return match(Sense::equal, meta(std::string{word(m.device)} + "name"), json_string(m.name));
}

std::string expression(const MatchLocalDestination&) {
    const auto fib =
        object({{"result", json_string("type")}, {"flags", array({json_string("daddr")})}});
    return match(Sense::equal, object({{"fib", fib}}), json_string("local"));
}

std::string expression(const MatchInvalid&) {
    const auto state = object({{"ct", object({{"key", json_string("state")}})}});
    return object({{"match", object({{"op", json_string("in")},
                                     {"left", state},
                                     {"right", json_string("invalid")}})}});
}

std::string expression(const MatchOriginalDestination& m) {
    const auto ct = object(
        {{"ct", object({{"key", json_string(std::string{address_protocol(m.family)} + " daddr")},
                        {"dir", json_string("original")}})}});
    return match(Sense::equal, ct, value(m.networks));
}

std::string expression(const MatchLocalSource& m) {
    auto flags = array({json_string("saddr")});
    if (m.of_interface) flags = array({json_string("saddr"), json_string("oif")});
    const auto fib = object({{"result", json_string("type")}, {"flags", flags}});
    return match(m.sense, object({{"fib", fib}}), json_string("local"));
}

std::string concat(const std::vector<std::string>& parts) {
    return object({{"concat", array(parts)}});
}

std::vector<std::string> destination(Family family, Protocol protocol) {
    return {payload(address_protocol(family), "daddr"), payload(word(protocol), "dport")};
}

std::string slot(SlotChoice choice, std::uint32_t slots, Family family) {
    const auto modulus = std::to_string(slots);
    if (choice == SlotChoice::by_client) {
        return object({{"jhash", object({{"mod", modulus},
                                         {"expr", payload(address_protocol(family), "saddr")},
                                         {"seed", std::to_string(client_hash_seed)}})}});
    }
    const auto mode = choice == SlotChoice::random ? "random" : "inc";
    return object({{"numgen", object({{"mode", json_string(mode)}, {"mod", modulus}})}});
}

std::string expression(const ToClass& to) {
    return object({{"vmap", object({{"key", concat(destination(to.family, to.protocol))},
                                    {"data", json_string("@" + to.map)}})}});
}

std::string expression(const DnatToSlot& to) {
    auto key = destination(to.family, to.protocol);
    key.push_back(slot(to.choice, to.slots, to.family));
    const auto address =
        object({{"map", object({{"key", concat(key)}, {"data", json_string("@" + to.map)}})}});
    return object({{"dnat", object({{"family", json_string(address_protocol(to.family))},
                                    {"addr", address}})}});
}

std::string expression(const Masquerade&) {
    return object({{"masquerade", "null"}});
}

std::string expression(const Reject& reject) {
    if (reject.tcp_reset) return object({{"reject", object({{"type", json_string("tcp reset")}})}});
    return object({{"reject", object({{"type", json_string("icmpx")},
                                      {"expr", json_string("port-unreachable")}})}});
}

std::string expression(const Return&) {
    return object({{"return", "null"}});
}

std::string expression(const Drop&) {
    return object({{"drop", "null"}});
}

std::string expression(const Jump& jump) {
    return object({{"jump", object({{"target", json_string(jump.chain)}})}});
}

std::string expression(const RedirectTo& redirect) {
    return object({{"redirect", object({{"port", std::to_string(redirect.port)}})}});
}

std::string expression(const OriginalZone& zone) {
    const auto key =
        object({{"ct", object({{"key", json_string("zone")}, {"dir", json_string("original")}})}});
    return object({{"mangle", object({{"key", key}, {"value", std::to_string(zone.zone)}})}});
}

std::string expressions(const Rule& rule) {
    std::vector<std::string> list;
    for (const Match& one : rule.matches) {
        list.push_back(std::visit([](const auto& m) { return expression(m); }, one));
    }
    if (rule.counter) {
        list.push_back(
            object({{"counter", rule.counter->empty() ? "null" : json_string(*rule.counter)}}));
    }
    if (!rule.log_prefix.empty()) {
        list.push_back(object({{"log", object({{"prefix", json_string(rule.log_prefix)},
                                               {"level", json_string("debug")}})}}));
    }
    list.push_back(
        std::visit([](const auto& verdict) { return expression(verdict); }, rule.verdict));
    return array(list);
}

std::vector<std::string> elements(const Set& set) {
    std::vector<std::string> list;
    if (const auto* ports = std::get_if<PortElements>(&set.elements)) {
        for (const PortRange& range : *ports) list.push_back(range_value(range));
    } else if (const auto* users = std::get_if<UidElements>(&set.elements)) {
        for (const UidRange& range : *users) list.push_back(range_value(range));
    } else if (const auto* groups = std::get_if<GidElements>(&set.elements)) {
        for (const GidRange& range : *groups) list.push_back(range_value(range));
    } else if (const auto* marks = std::get_if<MarkElements>(&set.elements)) {
        for (const Mark mark : *marks) list.push_back(std::to_string(mark));
    } else {
        for (const Cidr& network : std::get<AddressElements>(set.elements).networks) {
            list.push_back(value(network));
        }
    }
    return list;
}

std::string number(std::uint32_t one) {
    return std::to_string(one);
}

std::string key_type(const ClassMap& map) {
    return array({json_string(map.family == Family::ipv4 ? "ipv4_addr" : "ipv6_addr"),
                  json_string("inet_service")});
}

/// By `typeof`, which nft reads from JSON since 1.1: it has no name for the type of a slot.
std::string key_type(const EndpointMap& map) {
    auto key = destination(map.family, map.protocol);
    key.push_back(slot(SlotChoice::random, 1, map.family));
    return object({{"typeof", concat(key)}});
}

std::string data_type(const ClassMap&) {
    return json_string("verdict");
}

std::string data_type(const EndpointMap& map) {
    return array({json_string(map.family == Family::ipv4 ? "ipv4_addr" : "ipv6_addr"),
                  json_string("inet_service")});
}

std::string element(const VipClass& one) {
    return array({concat({json_string(one.address.to_string()), number(one.port)}),
                  object({{"goto", object({{"target", json_string(one.chain)}})}})});
}

std::string element(const VipSlot& one) {
    return array(
        {concat({json_string(one.address.to_string()), number(one.port), number(one.slot)}),
         concat({json_string(one.endpoint.to_string()), number(one.endpoint_port)})});
}

std::string comment(std::string_view text) {
    return text.empty() ? "" : json_string(text);
}

/// The commands of a ruleset; every object names its table.
class Commands {
public:
    explicit Commands(const Ruleset& ruleset) : table_(json_string(ruleset.table)) {
        const auto table = object({{"table", object({{"family", family_}, {"name", table_}})}});
        lines_ = {object({{"metainfo", object({{"json_schema_version", "1"}})}}),
                  object({{"add", table}}), object({{"delete", table}}), object({{"add", table}})};
        for (const auto& counter : ruleset.counters) add_counter(counter);
        for (const Set& set : ruleset.sets) add(set);
        for (const Chain& chain : ruleset.chains) add(chain);
        for (const auto& map : ruleset.class_maps) add_map(map);
        for (const auto& map : ruleset.endpoint_maps) add_map(map);
        for (const Chain& chain : ruleset.chains) {
            for (const Rule& rule : chain.rules) add(chain, rule);
        }
    }

    [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

private:
    void add(std::string_view kind, std::string members) {
        lines_.push_back(object({{"add", object({{kind, std::move(members)}})}}));
    }
    void add_counter(const std::string& name) {
        add("counter",
            object({{"family", family_}, {"table", table_}, {"name", json_string(name)}}));
    }
    void add(const Set& set) {
        const auto list = elements(set);
        add("set", object({{"family", family_},
                           {"table", table_},
                           {"name", json_string(set.name)},
                           {"type", json_string(type_word(set))},
                           {"flags", set.is_interval() ? array({json_string("interval")}) : ""},
                           {"comment", comment(set.comment)},
                           {"elem", list.empty() ? "" : array(list)}}));
    }
    template <class Map>
    void add_map(const Map& map) {
        std::vector<std::string> list;
        for (const auto& one : map.elements) list.push_back(element(one));
        add("map", object({{"family", family_},
                           {"table", table_},
                           {"name", json_string(map.name)},
                           {"type", key_type(map)},
                           {"map", data_type(map)},
                           {"comment", comment(map.comment)},
                           {"elem", list.empty() ? "" : array(list)}}));
    }
    void add(const Chain& chain) {
        const auto name = json_string(chain.name);
        if (!chain.base) {
            add("chain", object({{"family", family_}, {"table", table_}, {"name", name}}));
            return;
        }
        add("chain", object({{"family", family_},
                             {"table", table_},
                             {"name", name},
                             {"type", json_string(word(chain.base->type))},
                             {"hook", json_string(word(chain.base->hook))},
                             {"prio", std::to_string(chain.base->priority)},
                             {"policy", json_string("accept")}}));
    }
    void add(const Chain& chain, const Rule& rule) {
        add("rule", object({{"family", family_},
                            {"table", table_},
                            {"chain", json_string(chain.name)},
                            {"expr", expressions(rule)},
                            {"comment", comment(rule.comment)}}));
    }

    std::string family_ = json_string("inet");
    std::string table_;
    std::vector<std::string> lines_;
};

}  // namespace

std::string to_nft_json(const Ruleset& ruleset) {
    const Commands commands{ruleset};
    std::string json = "{\"nftables\": [\n";
    for (const auto& line : commands.lines()) {
        json += line + (&line == &commands.lines().back() ? "\n" : ",\n");
    }
    return json + "]}\n";
}

}  // namespace meshgate::netfilter
