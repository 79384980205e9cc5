#include "conf/values.h"

#include <algorithm>

namespace meshgate::conf {
namespace {

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

/// Who a user or a group is: `kind` is "user", `number` "uid".
template <class Ref, class Range>
std::optional<Ref> account_of(TableReader& reader, const toml::node& node, const std::string& name,
                              std::optional<Range> (*parse)(std::string_view) noexcept,
                              const std::string& kind, const std::string& number) {
    Findings& findings = reader.findings();
    if (node.is_integer()) {
        const auto id = as_integer(findings, node, name, 0, uid_max);
        if (!id) return std::nullopt;
        const auto one = static_cast<std::uint32_t>(*id);
        return Ref{Range{one, one}, findings.place(node)};
    }
    const auto text = node.value_exact<std::string>();
    if (!text) {
        return wrong_type(findings, node, name,
                          "a " + kind + " name, a " + number +
                              ", or a range such as \"2000-2999\"");
    }
    if (const auto range = parse(*text)) return Ref{*range, findings.place(node)};
    if (is_user_name(*text)) return Ref{*text, findings.place(node)};
    findings.error(node.source(), in_quotes(name) + ": " + in_quotes(*text) + " is not a " + kind +
                                      " name, a " + number +
                                      " (0 to 4294967294) or a range such as \"2000-2999\"");
    return std::nullopt;
}

std::optional<UserRef> user_of(TableReader& reader, const toml::node& node,
                               const std::string& name) {
    return account_of<UserRef, UidRange>(reader, node, name, parse_uid_range, "user", "uid");
}

/// One that is no range.
std::optional<UserRef> single_user_of(TableReader& reader, const toml::node& node,
                                      const std::string& name) {
    auto user = user_of(reader, node, name);
    if (!user) return std::nullopt;
    const auto* range = std::get_if<UidRange>(&user->who);
    if (range == nullptr || range->first == range->last) return user;
    reader.findings().error(node.source(), in_quotes(name) + " must be one user, not a range");
    return std::nullopt;
}

std::optional<MaskedMark> mark_of(TableReader& reader, const toml::node& node,
                                  const std::string& name) {
    Findings& findings = reader.findings();
    std::optional<MaskedMark> mark;
    if (node.is_integer()) {
        const auto number = as_integer(findings, node, name, 0, whole_mark);
        if (!number) return std::nullopt;
        mark = MaskedMark{static_cast<Mark>(*number)};
    } else if (const auto text = node.value_exact<std::string>()) {
        mark = parse_mark(*text);
        if (!mark) {
            findings.error(node.source(), in_quotes(name) + ": " + in_quotes(*text) +
                                              " is not a mark such as \"0x539\" or, with a mask, "
                                              "\"0x539/0xfff\"");
            return std::nullopt;
        }
    } else {
        return wrong_type(findings, node, name, "a number, or a string such as \"0x539/0xfff\"");
    }
    if (const auto fault = mark_fault(*mark); !fault.empty()) {
        findings.error(node.source(), in_quotes(name) + ": " + std::string{fault});
        return std::nullopt;
    }
    return mark;
}

}  // namespace

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
    return single_user_of(reader, *node, reader.name(key));
}

std::vector<UserRef> read_single_users(TableReader& reader, std::string_view key) {
    std::vector<UserRef> users;
    reader.read_each(key, [&](const toml::node& node) {
        if (auto user = single_user_of(reader, node, reader.name(key))) {
            users.push_back(std::move(*user));
        }
    });
    return users;
}

std::vector<GroupRef> read_groups(TableReader& reader, std::string_view key) {
    std::vector<GroupRef> groups;
    const auto name = reader.name(key);
    reader.read_each(key, [&](const toml::node& node) {
        auto group = account_of<GroupRef, GidRange>(reader, node, name, parse_gid_range, "group",
                                                    "gid");
        if (group) groups.push_back(std::move(*group));
    });
    return groups;
}

std::vector<MaskedMark> read_marks(TableReader& reader, std::string_view key) {
    std::vector<MaskedMark> marks;
    reader.read_each(key, [&](const toml::node& node) {
        if (const auto mark = mark_of(reader, node, reader.name(key))) marks.push_back(*mark);
    });
    return marks;
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

std::optional<HostPort> parse_host_port(std::string_view text, Port default_port) {
    const auto colon = text.rfind(':');
    HostPort result{std::string{text.substr(0, colon)}, default_port};
    if (colon != text.npos) {
        const auto port = parse_port_range(text.substr(colon + 1));
        if (!port || port->first != port->last) return std::nullopt;
        result.port = port->first;
    }
    if (result.host.empty() || result.port == 0) return std::nullopt;
    return result;
}

bool need(TableReader& reader, const toml::table& table, std::string_view what,
          std::initializer_list<std::string_view> keys) {
    bool complete = true;
    for (const std::string_view key : keys) {
        if (reader.has(key)) continue;
        reader.findings().error(table.source(),
                                "'[[" + std::string{what} + "]]' needs " + in_quotes(key));
        complete = false;
    }
    return complete;
}

void read_name(TableReader& reader, std::string_view key, Wildcard wildcard, std::string& to) {
    std::string text;
    reader.read(key, text);
    if (text.empty() && (!reader.has(key) || !reader.find(key)->is_string())) return;
    if (const auto name = parse_name(text, wildcard)) {
        to = *name;
    } else {
        reader.findings().error(reader.place(key),
                                in_quotes(reader.name(key)) + ": " + in_quotes(text) +
                                    " is not a name (labels of 1 to 63 letters, digits, '-' or "
                                    "'_' with dots between, 253 in all)");
    }
}

}  // namespace meshgate::conf
