#include "conf/values.h"

#include <algorithm>
#include <charconv>

namespace meshgate::conf {
namespace {

constexpr Uid uid_max = 4294967294;

/// "N" or "N-M", min..max, N <= M, decimal digits only.
template <class Number>
std::optional<std::pair<Number, Number>> parse_range(std::string_view text, Number min,
                                                     Number max) noexcept {
    const char* const end = text.data() + text.size();
    Number first = 0;
    auto parsed = std::from_chars(text.data(), end, first);
    if (text.empty() || parsed.ec != std::errc{}) return std::nullopt;
    Number last = first;
    if (parsed.ptr != end) {
        if (*parsed.ptr != '-') return std::nullopt;
        parsed = std::from_chars(parsed.ptr + 1, end, last);
        if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    }
    if (first < min || last > max || first > last) return std::nullopt;
    return std::pair{first, last};
}

bool is_label_byte(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string to_lower(std::string_view text) {
    std::string lower{text};
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return lower;
}

std::optional<PortRange> port_of(TableReader& reader, const toml::node& node,
                                 const std::string& name) {
    if (node.is_integer()) {
        const auto port = as_integer(reader.findings(), node, name, 1, 65535);
        if (!port) return std::nullopt;
        return PortRange{static_cast<Port>(*port), static_cast<Port>(*port)};
    }
    const auto text = node.value_exact<std::string>();
    if (!text) {
        return wrong_type(reader.findings(), node, name,
                          "a port, a range such as \"8000-8100\", or an array of them");
    }
    if (const auto range = parse_port_range(*text)) return range;
    reader.findings().error(node.source(), in_quotes(name) + ": " + in_quotes(*text) +
                                               " is not a port (1 to 65535) or a range such as "
                                               "\"8000-8100\"");
    return std::nullopt;
}

std::optional<UserRef> user_of(TableReader& reader, const toml::node& node,
                               const std::string& name) {
    Findings& findings = reader.findings();
    if (node.is_integer()) {
        const auto uid = as_integer(findings, node, name, 0, uid_max);
        if (!uid) return std::nullopt;
        const auto number = static_cast<Uid>(*uid);
        return UserRef{UidRange{number, number}, findings.place(node)};
    }
    const auto text = node.value_exact<std::string>();
    if (!text) {
        return wrong_type(findings, node, name,
                          "a user name, a uid, or a range such as \"2000-2999\"");
    }
    if (const auto range = parse_uid_range(*text)) return UserRef{*range, findings.place(node)};
    if (is_user_name(*text)) return UserRef{*text, findings.place(node)};
    findings.error(node.source(), in_quotes(name) + ": " + in_quotes(*text) +
                                      " is not a user name, a uid (0 to 4294967294) or a range "
                                      "such as \"2000-2999\"");
    return std::nullopt;
}

}  // namespace

std::optional<PortRange> parse_port_range(std::string_view text) noexcept {
    const auto range = parse_range<Port>(text, 1, 65535);
    if (!range) return std::nullopt;
    return PortRange{range->first, range->second};
}

std::optional<UidRange> parse_uid_range(std::string_view text) noexcept {
    const auto range = parse_range<Uid>(text, 0, uid_max);
    if (!range) return std::nullopt;
    return UidRange{range->first, range->second};
}

std::optional<std::string> parse_name(std::string_view text, Wildcard wildcard) {
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty() || text.size() > 253) return std::nullopt;
    std::string name = to_lower(text);
    std::string_view rest = name;
    if (wildcard == Wildcard::yes && rest.starts_with("*.")) rest.remove_prefix(2);
    while (true) {
        const auto dot = std::min(rest.find('.'), rest.size());
        const auto label = rest.substr(0, dot);
        if (label.empty() || label.size() > 63) return std::nullopt;
        if (!std::all_of(label.begin(), label.end(), is_label_byte)) return std::nullopt;
        if (dot == rest.size()) return name;
        rest.remove_prefix(dot + 1);
    }
}

bool is_user_name(std::string_view text) noexcept {
    if (text.empty() || text.size() > 255 || text.front() == '-') return false;
    const auto odd = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= 0x20 || byte == 0x7f || c == ':' || c == '/' || c == ',';
    };
    if (std::any_of(text.begin(), text.end(), odd)) return false;
    return !std::all_of(text.begin(), text.end(),
                        [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
}

std::vector<PortRange> read_ports(TableReader& reader, std::string_view key) {
    std::vector<PortRange> ports;
    reader.read_each(key, [&](const toml::node& node) {
        if (const auto range = port_of(reader, node, reader.name(key))) ports.push_back(*range);
    });
    return ports;
}

std::vector<UserRef> read_users(TableReader& reader, std::string_view key) {
    std::vector<UserRef> users;
    reader.read_each(key, [&](const toml::node& node) {
        if (auto user = user_of(reader, node, reader.name(key))) users.push_back(std::move(*user));
    });
    return users;
}

std::optional<UserRef> read_user(TableReader& reader, std::string_view key) {
    const auto* node = reader.find(key);
    if (node == nullptr) return std::nullopt;
    auto user = user_of(reader, *node, reader.name(key));
    if (!user) return std::nullopt;
    const auto* range = std::get_if<UidRange>(&user->who);
    if (range == nullptr || range->first == range->last) return user;
    reader.findings().error(node->source(),
                            in_quotes(reader.name(key)) + " must be one user, not a range");
    return std::nullopt;
}

std::vector<Cidr> read_networks(TableReader& reader, std::string_view key) {
    std::vector<Cidr> networks;
    reader.read_each(key, [&](const toml::node& node) {
        const auto text = as_string(reader.findings(), node, reader.name(key));
        if (!text) return;
        if (const auto network = Cidr::parse(*text)) {
            networks.push_back(*network);
        } else {
            reader.findings().error(node.source(),
                                    in_quotes(reader.name(key)) + ": " + in_quotes(*text) +
                                        " is not an address or a network such as \"10.0.0.0/8\" "
                                        "(no bit set after the prefix)");
        }
    });
    return networks;
}

std::vector<Protocol> read_protocols(TableReader& reader, std::string_view key) {
    std::vector<Protocol> protocols;
    reader.read_each(key, [&](const toml::node& node) {
        const auto text = as_string(reader.findings(), node, reader.name(key));
        if (!text) return;
        if (*text != "tcp" && *text != "udp") {
            reader.findings().error(node.source(), in_quotes(reader.name(key)) +
                                                       " must be \"tcp\", \"udp\" or both, not " +
                                                       in_quotes(*text));
            return;
        }
        const auto protocol = *text == "tcp" ? Protocol::tcp : Protocol::udp;
        if (std::find(protocols.begin(), protocols.end(), protocol) == protocols.end()) {
            protocols.push_back(protocol);
        }
    });
    return protocols;
}

}  // namespace meshgate::conf
