#include "netfilter/ruleset/words.h"

namespace meshgate::netfilter {
namespace {

template <class Range>
std::string range_words(const Range& range) {
    std::string words = std::to_string(range.first);
    if (range.last != range.first) words += "-" + std::to_string(range.last);
    return words;
}

}  // namespace

std::string_view word(Family family) noexcept {
    return family == Family::ipv4 ? "ipv4" : "ipv6";
}

std::string_view word(Protocol protocol) noexcept {
    return protocol == Protocol::tcp ? "tcp" : "udp";
}

std::string_view word(ChainType type) noexcept {
    return type == ChainType::nat ? "nat" : "filter";
}

std::string_view word(Hook hook) noexcept {
    switch (hook) {
    case Hook::prerouting:
        return "prerouting";
    case Hook::output:
        return "output";
    case Hook::postrouting:
        break;
    }
    return "postrouting";
}

std::string_view word(Sense sense) noexcept {
    return sense == Sense::equal ? "==" : "!=";
}

std::string_view word(MatchAddress::Field field) noexcept {
    return field == MatchAddress::Field::saddr ? "saddr" : "daddr";
}

std::string_view address_protocol(Family family) noexcept {
    return family == Family::ipv4 ? "ip" : "ip6";
}

std::string_view word(Device device) noexcept {
    return device == Device::in ? "iif" : "oif";
}

std::string_view type_word(const Set& set) noexcept {
    if (std::holds_alternative<PortElements>(set.elements)) return "inet_service";
    if (std::holds_alternative<UidElements>(set.elements)) return "uid";
    if (std::holds_alternative<GidElements>(set.elements)) return "gid";
    if (std::holds_alternative<MarkElements>(set.elements)) return "mark";
    const auto family = std::get<AddressElements>(set.elements).family;
    return family == Family::ipv4 ? "ipv4_addr" : "ipv6_addr";
}

std::string network_words(const Cidr& network) {
    const bool host = network.prefix == network.base.bytes().size() * 8;
    return host ? network.base.to_string() : network.to_string();
}

std::string mark_words(Mark mark) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string words = "0x";
    for (int shift = 28; shift >= 0; shift -= 4) words += digits[(mark >> shift) & 0xfU];
    return words;
}

std::string counter_words(const CounterRef& counter) {
    if (!counter) return "";
    return counter->empty() ? "counter" : "counter name \"" + *counter + "\"";
}

std::string key_type_words(const ClassMap& map) {
    return std::string{map.family == Family::ipv4 ? "ipv4_addr" : "ipv6_addr"} + " . inet_service";
}

std::string destination_words(Family family, Protocol protocol) {
    return std::string{address_protocol(family)} + " daddr . " + std::string{word(protocol)} +
           " dport";
}

std::string slot_words(SlotChoice choice, std::uint32_t slots, Family family) {
    const auto modulus = " mod " + std::to_string(slots);
    switch (choice) {
    case SlotChoice::random:
        return "numgen random" + modulus;
    case SlotChoice::in_turn:
        return "numgen inc" + modulus;
    case SlotChoice::by_client:
        break;
    }
    return "jhash " + std::string{address_protocol(family)} + " saddr" + modulus + " seed " +
           std::to_string(client_hash_seed);
}

std::string element_words(const VipClass& element) {
    return element.address.to_string() + " . " + std::to_string(element.port) + " : goto " +
           element.chain;
}

std::string element_words(const VipSlot& element) {
    return element.address.to_string() + " . " + std::to_string(element.port) + " . " +
           std::to_string(element.slot) + " : " + element.endpoint.to_string() + " . " +
           std::to_string(element.endpoint_port);
}

std::vector<std::string> element_words(const Set& set) {
    std::vector<std::string> words;
    const auto add = [&words](const auto& elements, auto to_words) {
        for (const auto& one : elements) words.push_back(to_words(one));
    };
    if (const auto* ports = std::get_if<PortElements>(&set.elements)) {
        add(*ports, range_words<PortRange>);
    } else if (const auto* users = std::get_if<UidElements>(&set.elements)) {
        add(*users, range_words<UidRange>);
    } else if (const auto* groups = std::get_if<GidElements>(&set.elements)) {
        add(*groups, range_words<GidRange>);
    } else if (const auto* marks = std::get_if<MarkElements>(&set.elements)) {
        add(*marks, mark_words);
    } else {
        add(std::get<AddressElements>(set.elements).networks, network_words);
    }
    return words;
}

std::string base_words(const BaseChain& base) {
    return "type " + std::string{word(base.type)} + " hook " + std::string{word(base.hook)} +
           " priority " + std::to_string(base.priority) + "; policy accept;";
}

std::string comment_words(std::string_view comment) {
    return comment.empty() ? "" : " comment \"" + std::string{comment} + "\"";
}

}  // namespace meshgate::netfilter
