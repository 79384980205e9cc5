#include "conf/redirect_toml.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace meshgate::conf {
namespace {

std::string toml_string(std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += {hex[byte >> 4U], hex[byte & 0xfU]};
            continue;
        }
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string in_hex(Mark mark) {
    std::array<char, 8> digits{};
    const auto end = std::to_chars(digits.begin(), digits.end(), mark, 16).ptr;
    return "0x" + std::string{digits.begin(), end};
}

std::string toml_of(const std::string& text) {
    return toml_string(text);
}
std::string toml_of(bool value) {
    return value ? "true" : "false";
}
std::string toml_of(std::uint16_t number) {
    return std::to_string(number);
}

template <class Range>
std::string toml_of_range(const Range& range) {
    if (range.first == range.last) return std::to_string(range.first);
    return toml_string(std::to_string(range.first) + "-" + std::to_string(range.last));
}
std::string toml_of(const PortRange& range) {
    return toml_of_range(range);
}
std::string toml_of(const UserRef& user) {
    if (const auto* name = std::get_if<std::string>(&user.who)) return toml_string(*name);
    return toml_of_range(std::get<UidRange>(user.who));
}
std::string toml_of(const GroupRef& group) {
    if (const auto* name = std::get_if<std::string>(&group.who)) return toml_string(*name);
    return toml_of_range(std::get<GidRange>(group.who));
}
std::string toml_of(const MaskedMark& mark) {
    const bool whole = mark.mask == whole_mark;
    return toml_string(in_hex(mark.value) + (whole ? "" : "/" + in_hex(mark.mask)));
}
std::string toml_of(const Cidr& network) {
    const bool host = network.prefix == network.base.bytes().size() * 8;
    return toml_string(host ? network.base.to_string() : network.to_string());
}
std::string toml_of(Protocol protocol) {
    return protocol == Protocol::tcp ? "\"tcp\"" : "\"udp\"";
}
std::string toml_of(IpFamilyMode mode) {
    constexpr const char* words[] = {"\"dualstack\"", "\"ipv4\"", "\"ipv6\""};
    return words[static_cast<std::size_t>(mode)];
}
std::string toml_of(Engine engine) {
    constexpr const char* words[] = {"\"auto\"", "\"nftables\"", "\"iptables\""};
    return words[static_cast<std::size_t>(engine)];
}
std::string toml_of(IptablesBackend backend) {
    constexpr const char* words[] = {"\"auto\"", "\"nft\"", "\"legacy\""};
    return words[static_cast<std::size_t>(backend)];
}
std::string toml_of(DnsCaptureMode mode) {
    return mode == DnsCaptureMode::all ? "\"all\"" : "\"resolv-conf\"";
}

std::string toml_of(OnResolverDown state) {
    return state == OnResolverDown::open ? "\"open\"" : "\"closed\"";
}

template <class Element>
std::string toml_of(const std::vector<Element>& list) {
    std::string out = "[";
    for (const Element& element : list) {
        if (out.size() > 1) out += ", ";
        out += toml_of(element);
    }
    return out + "]";
}

/// A line each: they are long.
std::string toml_of(const std::vector<Exclusion>& list) {
    std::string out = "[\n";
    for (const Exclusion& one : list) {
        out += "    { users = " + toml_of(one.users);
        if (!one.protocols.empty()) out += ", protocols = " + toml_of(one.protocols);
        if (!one.ports.empty()) out += ", ports = " + toml_of(one.ports);
        out += " },\n";
    }
    return out + "]";
}

/// One table: its header comes with the first key that differs.
class Table {
public:
    Table(std::string_view header, std::string& out) : header_(header), out_(out) {}

    template <class T>
    void key(std::string_view name, const T& value, const T& usual) {
        if (value == usual) return;
        always(name, value);
    }
    template <class T>
    void always(std::string_view name, const T& value) {
        if (!header_.empty()) {
            if (!out_.empty()) out_ += '\n';
            out_.append(header_) += '\n';
            header_ = {};
        }
        out_.append(name).append(" = ").append(toml_of(value)) += '\n';
    }

private:
    std::string_view header_;
    std::string& out_;
};

/// The keys of both directions up to the port lists.
template <class Direction>
void write_direction(Table& table, const Direction& direction, const Direction& usual) {
    table.key("enabled", direction.enabled, usual.enabled);
    table.key("port", direction.port, usual.port);
    table.key("include_ports", direction.include_ports, usual.include_ports);
    table.key("exclude_ports", direction.exclude_ports, usual.exclude_ports);
}

void write_redirect(const Redirect& redirect, const Redirect& usual, std::string& out) {
    Table top{"[redirect]", out};
    top.key("engine", redirect.engine, usual.engine);
    top.key("iptables_backend", redirect.iptables_backend, usual.iptables_backend);
    top.key("ip_family", redirect.ip_family, usual.ip_family);
    top.key("drop_invalid", redirect.drop_invalid, usual.drop_invalid);
    top.key("log_prefix", redirect.log_prefix, usual.log_prefix);

    Table inbound{"[redirect.inbound]", out};
    write_direction(inbound, redirect.inbound, usual.inbound);
    inbound.key("exclude_sources", redirect.inbound.exclude_sources, {});
    inbound.key("insert", redirect.inbound.insert, false);

    Table outbound{"[redirect.outbound]", out};
    write_direction(outbound, redirect.outbound, usual.outbound);
    outbound.key("exclude_destinations", redirect.outbound.exclude_destinations, {});
    outbound.key("exclude", redirect.outbound.exclude, {});
    outbound.key("insert", redirect.outbound.insert, false);

    Table dns{"[redirect.dns]", out};
    dns.key("enabled", redirect.dns.enabled, usual.dns.enabled);
    dns.key("port", redirect.dns.port, usual.dns.port);
    dns.key("capture", redirect.dns.capture, usual.dns.capture);
    dns.key("protocols", redirect.dns.protocols, usual.dns.protocols);
    dns.key("conntrack_zone", redirect.dns.conntrack_zone, usual.dns.conntrack_zone);
    dns.key("on_resolver_down", redirect.dns.on_resolver_down, usual.dns.on_resolver_down);

    for (const Network& network : redirect.networks) {
        Table table{"[[redirect.network]]", out};
        table.always("interface", network.interface);
        table.always("cidr", network.cidrs);
    }
}

}  // namespace

std::string redirect_toml(const Config& config) {
    Config usual;
    usual.redirect.inbound.enabled = usual.redirect.outbound.enabled = config.proxy.enabled;
    std::string out;
    Table top{"", out};
    top.key("resolv_conf", config.resolv_conf, usual.resolv_conf);
    Table proxy{"[proxy]", out};
    proxy.key("enabled", config.proxy.enabled, usual.proxy.enabled);
    if (config.proxy.user.size() == 1) {
        proxy.always("user", config.proxy.user.front());
    } else {
        proxy.key("user", config.proxy.user, usual.proxy.user);
    }
    proxy.key("exempt_users", config.proxy.exempt_users, usual.proxy.exempt_users);
    proxy.key("exempt_groups", config.proxy.exempt_groups, usual.proxy.exempt_groups);
    proxy.key("exempt_marks", config.proxy.exempt_marks, usual.proxy.exempt_marks);
    write_redirect(config.redirect, usual.redirect, out);
    return out;
}

}  // namespace meshgate::conf
