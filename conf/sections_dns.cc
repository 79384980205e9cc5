#include "conf/sections.h"
#include "conf/values.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace meshgate::conf {
namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t unix_path_bytes_max = 107;  // sockaddr_un, with its terminating NUL

template <std::size_t Size>
using Keys = std::array<std::string_view, Size>;

struct HostPort {
    std::string host;
    Port port = 0;
};

/// "NAME:PORT"; without a port `default_port`, if that is not 0.
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

std::optional<Listen> parse_listen(std::string_view text) {
    if (auto address = SocketAddress::parse(text, 0)) return *address;
    auto named = parse_host_port(text, 0);
    if (!named || named->host.size() > 15 ||
        named->host.find_first_of(":/[]% ") != std::string::npos) {
        return std::nullopt;
    }
    return InterfacePort{std::move(named->host), named->port};
}

bool is_digits_and_dots(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

std::optional<Allowed> parse_allowed(std::string_view text) {
    if (const auto network = Cidr::parse(text)) return *network;
    // "10.0.0.256" and "10.0.0.1/8" are mistyped networks, not interfaces.
    if (text.find_first_of(":/") != text.npos || is_digits_and_dots(text)) return std::nullopt;
    if (!is_interface_pattern(text)) return std::nullopt;
    return std::string{text};
}

std::optional<Upstream> parse_upstream(std::string_view text) {
    if (text == "resolv-conf") return ResolvConfUpstreams{};
    if (auto address = SocketAddress::parse(text, dns_port)) return *address;
    auto named = parse_host_port(text, dns_port);
    if (!named) return std::nullopt;
    const auto host = parse_name(named->host);
    // "9.9.9.999" is a mistyped address, not a name.
    if (!host || is_digits_and_dots(named->host)) return std::nullopt;
    return HostUpstream{*host, named->port};
}

std::optional<std::string> parse_admin(std::string_view text) {
    if (text.starts_with(unix_prefix)) {
        const auto path = text.substr(unix_prefix.size());
        if (!path.starts_with('/') || path.size() > unix_path_bytes_max) return std::nullopt;
        return std::string{text};
    }
    if (const auto address = SocketAddress::parse(text, 0)) return address->to_string();
    return std::nullopt;
}

/// Reads a string or an array of strings, each by `parse`; `wanted` says what is right.
template <class Value, class Parse>
std::vector<Value> read_words(TableReader& reader, std::string_view key, Parse parse,
                              std::string_view wanted) {
    std::vector<Value> values;
    reader.read_each(key, [&](const toml::node& node) {
        const auto text = as_string(reader.findings(), node, reader.name(key));
        if (!text) return;
        if (auto value = parse(*text)) {
            values.push_back(std::move(*value));
        } else {
            reader.findings().error(node.source(), in_quotes(reader.name(key)) + ": " +
                                                       in_quotes(*text) + " is not " +
                                                       std::string{wanted});
        }
    });
    return values;
}

void read_admin(TableReader& reader, Dns& to) {
    const auto* node = reader.find("admin");
    if (node == nullptr) return;
    to.admin_is_default = false;
    if (node->value_exact<std::string>() == "") {
        to.admin.clear();
        return;
    }
    to.admin = read_words<std::string>(reader, "admin", parse_admin,
                                       "\"unix:/PATH\", an address with a port such as "
                                       "\"127.0.0.1:9153\", or \"\" for none");
}

void read_pin(TableReader& reader, const toml::node& node, Service& to) {
    const auto text = as_string(reader.findings(), node, "service.address");
    if (!text) return;
    const auto address = IpAddress::parse(*text);
    if (!address) {
        reader.findings().error(node.source(),
                                "'service.address': " + in_quotes(*text) + " is not an IP address");
        return;
    }
    auto& pin = address->family() == Family::ipv4 ? to.address4 : to.address6;
    if (pin) {
        reader.findings().error(node.source(), "'service.address' has two addresses of one family");
    }
    pin = address;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    if (const auto address = SocketAddress::parse(text, 0)) {
        return Endpoint{address->address.to_string(), address->port};
    }
    auto named = parse_host_port(text, 0);
    if (!named) return std::nullopt;
    const auto host = parse_name(named->host);
    if (!host) return std::nullopt;
    return Endpoint{*host, named->port};
}

void read_tags(TableReader& reader, std::map<std::string, std::string>& to) {
    const auto* tags = reader.table("tags");
    if (tags == nullptr) return;
    for (auto&& [key, node] : *tags) {
        if (auto value =
                as_string(reader.findings(), node, "service.tags." + std::string{key.str()})) {
            to.emplace(key.str(), std::move(*value));
        }
    }
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

void read_name(TableReader& reader, Wildcard wildcard, std::string& to) {
    std::string text;
    reader.read("name", text);
    if (text.empty() && (!reader.has("name") || !reader.find("name")->is_string())) return;
    if (const auto name = parse_name(text, wildcard)) {
        to = *name;
    } else {
        reader.findings().error(reader.place("name"),
                                in_quotes(reader.name("name")) + ": " + in_quotes(text) +
                                    " is not a name (labels of 1 to 63 letters, digits, '-' or "
                                    "'_' with dots between, 253 in all)");
    }
}

}  // namespace

void read_dns(const toml::table& table, Dns& to, Findings& findings) {
    static constexpr Keys<8> keys{"listen", "allow",     "rate_limit",      "user",
                                  "admin",  "upstreams", "private_reverse", "cache"};
    static constexpr Keys<2> who{"forward", "local"};
    TableReader reader{table, "dns", keys, findings};
    if (reader.has("listen")) {
        const auto before = findings.errors();
        to.listen = read_words<Listen>(reader, "listen", parse_listen,
                                       "an address with a port such as \"127.0.0.1:15053\" or "
                                       "\"[::1]:15053\", or an interface with a port such as "
                                       "\"docker0:15053\"");
        if (to.listen.empty() && before == findings.errors()) {
            findings.error(reader.place("listen"), "'dns.listen' must have at least one address");
        }
    }
    to.allow = read_words<Allowed>(reader, "allow", parse_allowed,
                                   "an address, a network such as \"10.0.0.0/8\" (no bit set "
                                   "after the prefix), or an interface such as \"docker0\"");
    if (const auto* rate = reader.find("rate_limit")) {
        const auto limit = as_integer(findings, *rate, reader.name("rate_limit"), 0, 1'000'000);
        to.rate_limit = static_cast<std::uint32_t>(limit.value_or(to.rate_limit));
    }
    to.user = read_user(reader, "user");
    read_admin(reader, to);
    if (reader.has("upstreams")) {
        to.upstreams = read_words<Upstream>(reader, "upstreams", parse_upstream,
                                            "\"resolv-conf\", an address such as \"9.9.9.9\" or "
                                            "\"[2620:fe::fe]:53\", or a host name");
    }
    if (const auto word = reader.read_word("private_reverse", who)) {
        to.private_reverse = static_cast<PrivateReverse>(*word);
    }
    reader.read_bytes("cache", to.cache_bytes);
}

void read_vip(const toml::table& table, Vip& to, Findings& findings) {
    static constexpr Keys<3> keys{"ipv4", "ipv6", "state"};
    TableReader reader{table, "vip", keys, findings};
    std::string ipv4 = to.ipv4.to_string(), ipv6 = "mapped";
    reader.read("ipv4", ipv4);
    reader.read("ipv6", ipv6);
    reader.read("state", to.state);
    if (const auto range = Cidr::parse(ipv4); range && range->base.family() == Family::ipv4) {
        to.ipv4 = *range;
    } else {
        findings.error(reader.place("ipv4"), "'vip.ipv4': " + in_quotes(ipv4) +
                                                 " is not an IPv4 network such as "
                                                 "\"240.0.0.0/4\" (no bit set after the prefix)");
    }
    if (ipv6 == "mapped" || ipv6 == "none") {
        to.ipv6_mode = ipv6 == "mapped" ? VipIpv6::mapped : VipIpv6::none;
    } else if (const auto range = Cidr::parse(ipv6);
               range && range->base.family() == Family::ipv6) {
        to.ipv6_mode = VipIpv6::native;
        to.ipv6 = *range;
    } else {
        findings.error(reader.place("ipv6"), "'vip.ipv6' must be \"mapped\", \"none\" or an IPv6 "
                                             "network such as \"fd00:fd00::/64\", not " +
                                                 in_quotes(ipv6));
    }
    if (!to.state.starts_with('/')) {
        findings.error(reader.place("state"),
                       "'vip.state' must be an absolute path, not " + in_quotes(to.state));
    }
}

void read_service(const toml::table& table, std::vector<Service>& to, Findings& findings) {
    static constexpr Keys<5> keys{"name", "port", "address", "endpoints", "tags"};
    TableReader reader{table, "service", keys, findings};
    Service service;
    service.where = findings.place(table);
    need(reader, table, "service", {"name"});
    read_name(reader, Wildcard::no, service.name);
    reader.read("port", service.port);
    reader.read_each("address", [&](const toml::node& node) { read_pin(reader, node, service); });
    service.endpoints = read_words<Endpoint>(reader, "endpoints", parse_endpoint,
                                             "HOST:PORT such as \"192.0.2.10:8080\" or "
                                             "\"[2001:db8::1]:8080\"");
    read_tags(reader, service.tags);
    const auto twin = std::find_if(to.begin(), to.end(), [&service](const Service& other) {
        return !service.name.empty() && other.name == service.name;
    });
    if (twin != to.end()) {
        findings.error(reader.place("name"), "service " + in_quotes(service.name) +
                                                 " is already defined at " +
                                                 twin->where.to_string());
    }
    if (service.endpoints.empty() && !service.name.empty()) {
        findings.warning(service.where, "service " + in_quotes(service.name) +
                                            " has no endpoints: its name resolves all the same");
    }
    to.push_back(std::move(service));
}

void read_record(const toml::table& table, std::vector<Record>& to, Findings& findings) {
    static constexpr Keys<4> keys{"name", "type", "value", "ttl"};
    TableReader reader{table, "record", keys, findings};
    Record record;
    record.where = findings.place(table);
    if (!need(reader, table, "record", {"name", "type", "value"})) return;
    read_name(reader, Wildcard::yes, record.name);
    reader.read("type", record.type);
    reader.read("value", record.value);
    if (reader.has("ttl")) {
        std::uint32_t ttl = 0;
        reader.read_seconds("ttl", ttl);
        record.ttl = ttl;
    }
    to.push_back(std::move(record));
}

}  // namespace meshgate::conf
