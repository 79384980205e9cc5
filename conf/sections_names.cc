#include "conf/sections.h"
#include "conf/values.h"

#include <algorithm>
#include <array>

namespace meshgate::conf {
namespace {

template <std::size_t Size>
using Keys = std::array<std::string_view, Size>;

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

}  // namespace

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
    read_name(reader, "name", Wildcard::no, service.name);
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
    read_name(reader, "name", Wildcard::yes, record.name);
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
