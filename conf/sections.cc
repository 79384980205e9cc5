#include "conf/sections.h"

#include "conf/values.h"

#include <algorithm>
#include <array>

namespace meshgate::conf {
namespace {

template <std::size_t Size>
using Keys = std::array<std::string_view, Size>;

void read_domains(TableReader& reader, std::vector<std::string>& to) {
    if (!reader.has("domains")) return;
    std::vector<std::string> domains;
    reader.read_each("domains", [&](const toml::node& node) {
        const auto text = as_string(reader.findings(), node, reader.name("domains"));
        if (!text) return;
        const auto name = parse_name(*text);
        if (!name) {
            reader.findings().error(node.source(), in_quotes("mesh.domains") + ": " +
                                                       in_quotes(*text) +
                                                       " is not a domain name such as \"mesh\"");
        } else if (std::find(domains.begin(), domains.end(), *name) != domains.end()) {
            reader.findings().error(node.source(), in_quotes("mesh.domains") + " has " +
                                                       in_quotes(*name) + " twice");
        } else {
            domains.push_back(*name);
        }
    });
    if (!domains.empty()) {
        to = std::move(domains);
    } else if (const auto* array = reader.find("domains")->as_array(); array && array->empty()) {
        reader.findings().error(array->source(), "'mesh.domains' must name at least one domain");
    }
}

void read_inbound(const toml::table& table, Inbound& to, Findings& findings) {
    static constexpr Keys<6> keys{"enabled",         "port",  "include_ports", "exclude_ports",
                                  "exclude_sources", "insert"};
    TableReader reader{table, "redirect.inbound", keys, findings};
    reader.read("enabled", to.enabled);
    reader.read("port", to.port);
    to.include_ports = read_ports(reader, "include_ports");
    to.exclude_ports = read_ports(reader, "exclude_ports");
    to.exclude_sources = read_networks(reader, "exclude_sources");
    reader.read("insert", to.insert);
}

void read_exclusion(const toml::table& table, std::vector<Exclusion>& to, Findings& findings) {
    static constexpr Keys<3> keys{"users", "protocols", "ports"};
    TableReader reader{table, "redirect.outbound.exclude", keys, findings};
    const auto before = findings.errors();
    Exclusion exclusion{read_users(reader, "users"), read_protocols(reader, "protocols"),
                        read_ports(reader, "ports")};
    if (exclusion.users.empty() && before == findings.errors()) {
        findings.error(table.source(), "'redirect.outbound.exclude' needs 'users' (for everybody "
                                       "use 'exclude_ports' or 'exclude_destinations')");
        return;
    }
    to.push_back(std::move(exclusion));
}

void read_outbound(const toml::table& table, Outbound& to, Findings& findings) {
    static constexpr Keys<7> keys{"enabled", "port",   "include_ports",       "exclude_ports",
                                  "exclude", "insert", "exclude_destinations"};
    TableReader reader{table, "redirect.outbound", keys, findings};
    reader.read("enabled", to.enabled);
    reader.read("port", to.port);
    to.include_ports = read_ports(reader, "include_ports");
    to.exclude_ports = read_ports(reader, "exclude_ports");
    to.exclude_destinations = read_networks(reader, "exclude_destinations");
    reader.read("insert", to.insert);
    reader.read_tables(
        "exclude", [&](const toml::table& entry) { read_exclusion(entry, to.exclude, findings); });
}

void read_dns_capture(const toml::table& table, DnsCapture& to, Findings& findings) {
    static constexpr Keys<6> keys{"enabled",   "port",           "capture",
                                  "protocols", "conntrack_zone", "on_resolver_down"};
    static constexpr Keys<2> states{"closed", "open"};
    static constexpr Keys<2> modes{"resolv-conf", "all"};
    TableReader reader{table, "redirect.dns", keys, findings};
    reader.read("enabled", to.enabled);
    reader.read("port", to.port);
    reader.read_or_none("conntrack_zone", to.conntrack_zone);
    if (const auto mode = reader.read_word("capture", modes)) {
        to.capture = *mode == 0 ? DnsCaptureMode::resolv_conf : DnsCaptureMode::all;
    }
    if (const auto state = reader.read_word("on_resolver_down", states)) {
        to.on_resolver_down = *state == 0 ? OnResolverDown::closed : OnResolverDown::open;
    }
    if (!reader.has("protocols")) return;
    const auto before = findings.errors();
    to.protocols = read_protocols(reader, "protocols");
    if (to.protocols.empty() && before == findings.errors()) {
        findings.error(reader.place("protocols"),
                       "'redirect.dns.protocols' must name \"udp\", \"tcp\" or both (to capture "
                       "no DNS set redirect.dns.enabled = false)");
    }
}

void read_network(const toml::table& table, std::vector<Network>& to, Findings& findings) {
    static constexpr Keys<2> keys{"interface", "cidr"};
    TableReader reader{table, "redirect.network", keys, findings};
    Network network;
    network.where = findings.place(table);
    reader.read("interface", network.interface);
    network.cidrs = read_networks(reader, "cidr");
    for (const std::string_view key : keys) {
        if (!reader.has(key)) {
            findings.error(table.source(), "'[[redirect.network]]' needs " + in_quotes(key));
        }
    }
    if (!network.interface.empty() && !is_interface_pattern(network.interface)) {
        findings.error(reader.place("interface"),
                       "'redirect.network.interface': " + in_quotes(network.interface) +
                           " is not an interface name (1 to 15 bytes, '+' or '*' at the end for "
                           "any rest)");
    }
    to.push_back(std::move(network));
}

}  // namespace

void read_mesh(const toml::table& table, Mesh& to, Findings& findings) {
    static constexpr Keys<6> keys{"domains", "ttl", "name", "zone", "resources", "dataplane"};
    TableReader reader{table, "mesh", keys, findings};
    to.where = findings.place(table);
    read_domains(reader, to.domains);
    reader.read_seconds("ttl", to.ttl);
    reader.read("name", to.name);
    reader.read("zone", to.zone);
    for (const auto& [key, value] : {std::pair{"name", &to.name}, {"zone", &to.zone}}) {
        if (is_rfc1123_subdomain(*value)) continue;
        findings.error(reader.place(key), in_quotes(reader.name(key)) + ": " + in_quotes(*value) +
                                              " is no name of Kuma (lower case letters, digits, "
                                              "'-' and '.')");
    }
    reader.read("resources", to.resources);
    if (!to.resources.empty() && !to.resources.starts_with('/')) {
        findings.error(reader.place("resources"),
                       "'mesh.resources' must be an absolute path, not " + in_quotes(to.resources));
    }
    if (!reader.has("dataplane")) return;
    to.dataplane.emplace();
    reader.read("dataplane", *to.dataplane);
}

void read_proxy(const toml::table& table, Proxy& to, Findings& findings) {
    static constexpr Keys<5> keys{"enabled", "user", "exempt_users", "exempt_groups",
                                  "exempt_marks"};
    TableReader reader{table, "proxy", keys, findings};
    reader.read("enabled", to.enabled);
    to.user = read_single_users(reader, "user");
    if (const auto* users = reader.has("user") ? reader.find("user")->as_array() : nullptr;
        users != nullptr && users->empty()) {
        findings.error(users->source(), "'proxy.user' must name at least one user");
    }
    to.exempt_users = read_users(reader, "exempt_users");
    to.exempt_groups = read_groups(reader, "exempt_groups");
    to.exempt_marks = read_marks(reader, "exempt_marks");
}

void read_log_prefix(TableReader& reader, std::string& to) {
    reader.read("log_prefix", to);
    if (is_log_prefix(to)) return;
    reader.findings().error(reader.place("log_prefix"),
                            "'redirect.log_prefix': " + in_quotes(to) +
                                " is not a prefix of at most 29 printable ASCII characters "
                                "without quotes, backslashes and dollar signs");
}

void read_redirect(const toml::table& table, Redirect& to, Findings& findings) {
    static constexpr Keys<9> keys{"engine",     "iptables_backend", "ip_family", "drop_invalid",
                                  "log_prefix", "inbound",          "outbound",  "dns",
                                  "network"};
    static constexpr Keys<3> engines{"auto", "nftables", "iptables"};
    static constexpr Keys<3> backends{"auto", "nft", "legacy"};
    static constexpr Keys<3> families{"dualstack", "ipv4", "ipv6"};
    TableReader reader{table, "redirect", keys, findings};
    if (const auto engine = reader.read_word("engine", engines)) {
        to.engine = static_cast<Engine>(*engine);
    }
    if (const auto backend = reader.read_word("iptables_backend", backends)) {
        to.iptables_backend = static_cast<IptablesBackend>(*backend);
    }
    if (const auto family = reader.read_word("ip_family", families)) {
        to.ip_family = static_cast<IpFamilyMode>(*family);
    }
    reader.read("drop_invalid", to.drop_invalid);
    read_log_prefix(reader, to.log_prefix);
    if (const auto* inbound = reader.table("inbound")) read_inbound(*inbound, to.inbound, findings);
    if (const auto* outbound = reader.table("outbound")) {
        read_outbound(*outbound, to.outbound, findings);
    }
    if (const auto* dns = reader.table("dns")) read_dns_capture(*dns, to.dns, findings);
    reader.read_tables(
        "network", [&](const toml::table& entry) { read_network(entry, to.networks, findings); });
}

void read_config(const toml::table& table, Config& to, Findings& findings) {
    static constexpr Keys<15> keys{"resolv_conf",
                                   "mesh",
                                   "proxy",
                                   "redirect",
                                   "dns",
                                   "vip",
                                   "feed",
                                   "guard",
                                   "service",
                                   "external_service",
                                   "virtual_outbound",
                                   "hostname_generator",
                                   "reachable",
                                   "record",
                                   "hosts"};
    TableReader reader{table, "", keys, findings};
    reader.read("resolv_conf", to.resolv_conf);
    if (const auto* mesh = reader.table("mesh")) read_mesh(*mesh, to.mesh, findings);
    if (const auto* proxy = reader.table("proxy")) read_proxy(*proxy, to.proxy, findings);
    to.redirect.inbound.enabled = to.redirect.outbound.enabled = to.proxy.enabled;
    if (const auto* redirect = reader.table("redirect")) {
        read_redirect(*redirect, to.redirect, findings);
    }
    if (const auto* dns = reader.table("dns")) read_dns(*dns, to.dns, findings);
    if (const auto* vip = reader.table("vip")) read_vip(*vip, to.vip, findings);
    if (const auto* feed = reader.table("feed")) read_feed(*feed, to.feed, findings);
    if (const auto* guard = reader.table("guard")) read_guard(*guard, to.guard, findings);
    ServiceIndex services;
    reader.read_tables("service", [&](const toml::table& entry) {
        read_service(entry, to.vip, to.services, services, findings);
    });
    reader.read_tables("external_service", [&](const toml::table& entry) {
        read_external_service(entry, to.external_services, findings);
    });
    reader.read_tables("virtual_outbound", [&](const toml::table& entry) {
        read_virtual_outbound(entry, to.virtual_outbounds, findings);
    });
    reader.read_tables("hostname_generator", [&](const toml::table& entry) {
        read_hostname_generator(entry, to.hostname_generators, findings);
    });
    if (const auto* reachable = reader.table("reachable")) {
        read_reachable(*reachable, to.reachable, findings);
    }
    reader.read_tables("record",
                       [&](const toml::table& entry) { read_record(entry, to.records, findings); });
    reader.read_tables("hosts",
                       [&](const toml::table& entry) { read_hosts(entry, to.hosts, findings); });
}

}  // namespace meshgate::conf
