#include "conf/kuma/values.h"

#include "conf/words.h"
#include "src/common/trimmed.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace meshgate::conf::kuma {
namespace {

std::vector<std::string_view> divided(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(at);
        parts.push_back(trimmed(text.substr(0, end)));
        if (end == text.npos) return parts;
        text.remove_prefix(end + 1);
    }
}

bool is_any(std::string_view text) {
    return text.empty() || text == "*";
}

std::string lower_case(std::string_view text) {
    std::string lower{text};
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

PortRange range_of(const Value& value, std::string_view text) {
    if (const auto range = parse_port_range(text)) return *range;
    refuse(value, in_quotes(text) + " is not a port (1 to 65535) or a range such as 8000-8100");
}

std::vector<PortRange> ranges_of(const Value& value, std::string_view list) {
    std::vector<PortRange> ranges;
    for (const auto part : divided(list, ',')) ranges.push_back(range_of(value, part));
    return ranges;
}

/// The network that somebody meant who wrote the address of a machine in it; empty for none.
std::string without_host_bits(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == text.npos) return "";
    const auto address = IpAddress::parse(text.substr(0, slash));
    const auto length = text.substr(slash + 1);
    unsigned prefix = 0;
    const char* const end = length.data() + length.size();
    const auto parsed = std::from_chars(length.data(), end, prefix);
    if (!address || length.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return "";
    std::array<std::uint8_t, 16> bytes{};
    const auto given = address->bytes();
    if (prefix > given.size() * 8) return "";
    for (std::size_t bit = 0; bit < prefix; ++bit) {
        bytes[bit / 8] |= static_cast<std::uint8_t>(given[bit / 8] & (0x80U >> (bit % 8)));
    }
    const auto base = address->family() == Family::ipv4
                          ? IpAddress::ipv4(std::span{bytes}.first<4>())
                          : IpAddress::ipv6(bytes);
    return base.to_string() + "/" + std::to_string(prefix);
}

Cidr network_of(const Value& value, std::string_view text) {
    if (const auto network = Cidr::parse(text)) return *network;
    if (const auto meant = without_host_bits(text); !meant.empty()) {
        refuse(value, in_quotes(text) + " has bits set after the prefix: write " + meant);
    }
    refuse(value, in_quotes(text) + " is not an address or a network such as 10.0.0.0/8");
}

std::vector<Protocol> protocols_of(const Value& value, std::string_view list) {
    bool tcp = false;
    bool udp = false;
    for (const auto part : divided(list, ',')) {
        const auto word = lower_case(part);
        if (word != "tcp" && word != "udp" && word != "*") {
            refuse(value, in_quotes(part) + " is not a protocol: tcp, udp or * for both");
        }
        tcp = tcp || word != "udp";
        udp = udp || word != "tcp";
    }
    if (tcp && udp) return {};
    return {tcp ? Protocol::tcp : Protocol::udp};
}

UserRef uids_of(const Value& value, std::string_view text) {
    if (text == "*") {
        refuse(value, "'*' is not a uid: for every user exclude the ports or the addresses");
    }
    if (text.find(',') != text.npos) {
        refuse(value, in_quotes(text) + " is more than one uid or range: give each its own value");
    }
    const auto uids = parse_uid_range(text);
    if (!uids) {
        refuse(value,
               in_quotes(text) + " is not a uid (0 to 4294967294) or a range such as 106-108");
    }
    return {*uids, value.where};
}

bool is_exclusion(const Value& value) {
    try {
        parse_exclusion(value);
        return true;
    } catch (const Error&) {
        return false;
    }
}

}  // namespace

void refuse(const Value& value, const std::string& message) {
    throw Error({{value.where, message}});
}

bool parse_toggle(const Value& value) {
    const std::string_view text = value.text;
    for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == yes) return true;
    }
    for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == no) return false;
    }
    refuse(value, in_quotes(text) + " is not true or false");
}

Port parse_port(const Value& value) {
    const auto range = parse_port_range(value.text);
    const bool one = value.text.find('-') == std::string::npos;
    if (range && one) return range->first;
    refuse(value, in_quotes(value.text) + " is not a port (1 to 65535)");
}

std::vector<PortRange> parse_ports(const Value& value) {
    if (trimmed(value.text).empty()) return {};
    return ranges_of(value, value.text);
}

UserRef parse_user(const Value& value) {
    const auto uids = parse_uid_range(value.text);
    if (uids && uids->first == uids->last && value.text.find('-') == std::string::npos) {
        return {*uids, value.where};
    }
    if (is_user_name(value.text)) return {value.text, value.where};
    refuse(value, in_quotes(value.text) + " is not a user name or a uid");
}

IpFamilyMode parse_family(const Value& value) {
    const auto word = lower_case(value.text);
    if (word.empty() || word == "dualstack") return IpFamilyMode::dualstack;
    if (word == "ipv4") return IpFamilyMode::ipv4;
    if (word == "ipv6") return IpFamilyMode::ipv6;
    refuse(value, in_quotes(value.text) + " is not dualstack, ipv4 or ipv6");
}

std::vector<Cidr> parse_networks(const Value& value) {
    std::vector<Cidr> networks;
    for (const auto part : divided(value.text, ',')) networks.push_back(network_of(value, part));
    return networks;
}

Exclusion parse_exclusion(const Value& value) {
    const auto parts = divided(value.text, ':');
    if (parts.size() > 3) {
        refuse(value, in_quotes(value.text) + " has more than three parts: write UIDS, "
                                              "PORTS:UIDS or PROTOCOLS:PORTS:UIDS");
    }
    Exclusion exclusion;
    exclusion.users.push_back(uids_of(value, parts.back()));
    if (parts.size() > 1 && !is_any(parts[parts.size() - 2])) {
        exclusion.ports = ranges_of(value, parts[parts.size() - 2]);
    }
    if (parts.size() == 3 && !is_any(parts.front())) {
        exclusion.protocols = protocols_of(value, parts.front());
    }
    return exclusion;
}

Network parse_network(const Value& value) {
    const std::string_view text = value.text;
    const auto colon = text.find(':');
    if (colon == text.npos) {
        refuse(value, in_quotes(text) + " is not INTERFACE:NETWORK such as docker0:172.17.0.0/16");
    }
    const auto interface = text.substr(0, colon);
    if (!is_interface_pattern(interface)) {
        refuse(value, in_quotes(interface) + " is not an interface name (1 to 15 bytes, '+' at the "
                                             "end for any rest)");
    }
    return {std::string{interface}, {network_of(value, text.substr(colon + 1))}, value.where};
}

std::vector<Value> divide_exclusions(const Value& value) {
    std::vector<Value> all;
    for (const auto part : divided(value.text, ';')) {
        const Value whole{std::string{part}, value.where};
        const auto pieces = divided(part, ',');
        if (pieces.size() == 1 || is_exclusion(whole)) {
            all.push_back(whole);
            continue;
        }
        for (const auto piece : pieces) all.push_back({std::string{piece}, value.where});
    }
    return all;
}

std::vector<Value> divide_list(const Value& value) {
    std::vector<Value> all;
    for (const auto part : divided(value.text, ',')) {
        if (part.empty()) refuse(value, in_quotes(value.text) + " has an empty element");
        all.push_back({std::string{part}, value.where});
    }
    return all;
}

}  // namespace meshgate::conf::kuma
