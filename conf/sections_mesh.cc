#include "conf/sections.h"
#include "conf/values.h"

#include <algorithm>
#include <array>
#include <utility>

/// The sections that say what Kuma's control plane would know.
namespace meshgate::conf {
namespace {

template <std::size_t Size>
using Keys = std::array<std::string_view, Size>;

/// `address`, one of each family at most.
template <class Pinned>
void read_pins(TableReader& reader, Pinned& to) {
    reader.read_each("address", [&](const toml::node& node) {
        const std::string name = in_quotes(reader.name("address"));
        const auto text = as_string(reader.findings(), node, reader.name("address"));
        if (!text) return;
        const auto address = IpAddress::parse(*text);
        if (!address) {
            reader.findings().error(node.source(),
                                    name + ": " + in_quotes(*text) + " is not an IP address");
            return;
        }
        if (!address->can_be_virtual()) {
            reader.findings().error(node.source(), name + ": " + in_quotes(*text) +
                                                       " is no address that connections can go to");
            return;
        }
        auto& pin = address->family() == Family::ipv4 ? to.address4 : to.address6;
        if (pin) reader.findings().error(node.source(), name + " has two addresses of one family");
        pin = address;
    });
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

constexpr const char* an_endpoint =
    "HOST:PORT such as \"192.0.2.10:8080\" or \"[2001:db8::1]:8080\"";

std::vector<Endpoint> read_endpoints(TableReader& reader, std::string_view key) {
    return read_words<Endpoint>(reader, key, parse_endpoint, an_endpoint);
}

std::optional<Endpoint> read_endpoint(TableReader& reader, const toml::node& node) {
    const auto text = as_string(reader.findings(), node, reader.name("endpoints"));
    if (!text) return std::nullopt;
    auto endpoint = parse_endpoint(*text);
    if (!endpoint) {
        reader.findings().error(node.source(), in_quotes(reader.name("endpoints")) + ": " +
                                                   in_quotes(*text) + " is not " + an_endpoint);
    }
    return endpoint;
}

/// `{ address = "192.0.2.10:8080", weight = 3 }`
std::optional<Endpoint> read_weighted_endpoint(const toml::table& table, Findings& findings) {
    static constexpr Keys<2> keys{"address", "weight"};
    TableReader reader{table, "service.endpoints", keys, findings};
    if (!need(reader, table, "service.endpoints", {"address"})) return std::nullopt;
    auto endpoints = read_endpoints(reader, "address");
    if (endpoints.size() != 1) return std::nullopt;
    if (const auto* weight = reader.find("weight")) {
        const auto name = reader.name("weight");
        if (weight->value_exact<std::int64_t>() == 0) {  // elsewhere that takes one out
            findings.error(weight->source(),
                           in_quotes(name) + " must be 1 to " + std::to_string(endpoint_weight_max) +
                               ", not 0: leave out an endpoint that is to get nothing new");
            return std::nullopt;
        }
        const auto number = as_integer(findings, *weight, name, 1, endpoint_weight_max);
        if (number) endpoints.front().weight = static_cast<std::uint16_t>(*number);
    }
    return endpoints.front();
}

/// `endpoints`: each a string, or a table with its weight.
void read_service_endpoints(TableReader& reader, bool with_places, std::vector<Endpoint>& to) {
    reader.read_each("endpoints", [&](const toml::node& node) {
        const auto* table = node.as_table();
        auto endpoint = table != nullptr ? read_weighted_endpoint(*table, reader.findings())
                                         : read_endpoint(reader, node);
        constexpr std::size_t looked_through = 1024;  // more are too many, and are told so later
        if (!endpoint || (with_places && to.size() > looked_through)) return;
        const auto twin = std::find_if(to.begin(), to.end(), [&endpoint](const Endpoint& other) {
            return other.host == endpoint->host && other.port == endpoint->port;
        });
        if (with_places && twin != to.end()) {
            reader.findings().error(node.source(), in_quotes(reader.name("endpoints")) +
                                                       " has one twice: give it a weight instead");
            return;
        }
        if (with_places) endpoint->where = reader.findings().place(node);
        to.push_back(std::move(*endpoint));
    });
}

/// How its VIP gets to an endpoint.
void read_way(TableReader& reader, Service& to) {
    static constexpr Keys<2> ways{"proxy", "kernel"};
    static constexpr Keys<3> balances{"random", "round-robin", "client-hash"};
    if (const auto way = reader.read_word("via", ways)) to.via = static_cast<VipMode>(*way);
    if (const auto balance = reader.read_word("balance", balances)) {
        to.balance = static_cast<Balance>(*balance);
    }
    if (!reader.has("protocols")) return;
    auto protocols = read_protocols(reader, "protocols");
    if (!protocols.empty()) to.protocols = std::move(protocols);
}

/// What only the kernel does would be passed over silently.
void check_way(TableReader& reader, const Service& service, bool via_kernel) {
    if (via_kernel) return;
    for (const std::string_view key : {"balance", "protocols", "health"}) {
        if (!reader.has(key)) continue;
        reader.findings().error(reader.place(key), in_quotes(reader.name(key)) +
                                                       " is for via = \"kernel\": service " +
                                                       in_quotes(service.name) +
                                                       " is the proxy's");
    }
}

void read_strings(const toml::table& table, const std::string& name, Tags& to, Findings& findings) {
    for (auto&& [key, node] : table) {
        if (auto value = as_string(findings, node, name + "." + std::string{key.str()})) {
            to.emplace(key.str(), std::move(*value));
        }
    }
}

/// A table of strings.
void read_tags(TableReader& reader, std::string_view key, Tags& to) {
    if (const auto* tags = reader.table(key)) {
        read_strings(*tags, reader.name(key), to, reader.findings());
    }
}

/// What Kuma's validators say, in the words of the file.
void report(std::vector<std::string> faults, const std::string& what, const toml::table& table,
            Findings& findings) {
    for (std::string& fault : faults) {
        for (const std::string_view prefix : {"conf.", "spec."}) {
            if (fault.starts_with(prefix)) fault.erase(0, prefix.size());
        }
        findings.error(table.source(), what + ": " + fault);
    }
}

void read_ports(TableReader& reader, std::vector<Port>& to) {
    if (!reader.has("port")) return;
    std::vector<Port> ports;
    reader.read_each("port", [&](const toml::node& node) {
        const auto port = as_integer(reader.findings(), node, reader.name("port"), 1, 65535);
        if (port) ports.push_back(static_cast<Port>(*port));
    });
    if (!ports.empty()) to = std::move(ports);
}

/// One of Kuma's kinds; `also_service`: or of none.
void read_kind(TableReader& reader, bool also_service, ServiceKind& to) {
    static constexpr Keys<4> words{"service", "MeshService", "MeshExternalService",
                                   "MeshMultiZoneService"};
    const std::size_t first = also_service ? 0 : 1;
    if (const auto kind = reader.read_word("kind", std::span{words}.subspan(first))) {
        to = static_cast<ServiceKind>(*kind + first);
    }
}

void check_service(TableReader& reader, const Service& service, const std::vector<Service>& others,
                   ServiceIndex& known, Findings& findings) {
    const std::string what = "service " + in_quotes(service.name);
    const auto [twin, is_new] = known.emplace(key_of(service), others.size());
    if (!is_new) {
        findings.error(reader.place("name"),
                       what + " is already defined at " + others[twin->second].where.to_string());
    }
    if (service.kind == ServiceKind::service) {
        for (const std::string_view key : {"namespace", "zone", "labels"}) {
            if (!reader.has(key)) continue;
            findings.error(reader.place(key), in_quotes(reader.name(key)) +
                                                  " is for a 'kind' such as \"MeshService\"");
        }
    } else if (!is_rfc1035_label(service.name)) {
        findings.error(reader.place("name"),
                       what + ": the name of a " + std::string{to_string(service.kind)} +
                           " is one label of lower case letters, digits and '-', and begins with "
                           "a letter");
    }
    if (service.endpoints.empty() && service.kind != ServiceKind::mesh_multi_zone_service) {
        findings.warning(service.where, what + " has no endpoints: its name resolves all the same");
    }
}

void read_backend_ref(const toml::table& table, std::vector<BackendRef>& to, Findings& findings) {
    static constexpr Keys<5> keys{"kind", "name", "namespace", "labels", "port"};
    TableReader reader{table, "reachable.backends.refs", keys, findings};
    BackendRef ref;
    ref.where = findings.place(table);
    if (!reader.has("kind")) {
        findings.error(table.source(), "'reachable.backends.refs' needs 'kind'");
    }
    read_kind(reader, false, ref.kind);
    reader.read("name", ref.name);
    reader.read("namespace", ref.kube_namespace);
    read_tags(reader, "labels", ref.labels);
    if (reader.has("port")) {
        Port port = 0;
        reader.read("port", port);
        ref.port = port;
    }
    report(faults_of(ref), "'reachable.backends.refs'", table, findings);
    to.push_back(std::move(ref));
}

/// A check is a connection over TCP, which nobody has at a port for UDP.
void check_check(TableReader& reader, const Service& service) {
    const auto& protocols = service.protocols;
    if (!service.health || service.health->port ||
        std::find(protocols.begin(), protocols.end(), Protocol::tcp) != protocols.end()) {
        return;
    }
    reader.findings().error(reader.place("health"),
                            "'service.health' needs 'port', where TCP is answered: service " +
                                in_quotes(service.name) + " is of UDP");
}

/// A template of a port may be a number.
void read_port_template(TableReader& reader, std::string& to) {
    const auto* node = reader.find("port");
    if (node == nullptr) return;
    if (const auto number = node->value_exact<std::int64_t>()) {
        to = std::to_string(*number);
    } else {
        reader.read("port", to);
    }
}

}  // namespace

void read_service(const toml::table& table, const Vip& vip, std::vector<Service>& to,
                  ServiceIndex& known, Findings& findings) {
    static constexpr Keys<13> keys{"name", "kind",      "port", "address", "endpoints", "via",   "health",
                                   "tags", "namespace", "zone", "labels",  "balance",   "protocols"};
    TableReader reader{table, "service", keys, findings};
    Service service;
    service.where = findings.place(table);
    need(reader, table, "service", {"name"});
    read_name(reader, "name", Wildcard::no, service.name);
    read_kind(reader, true, service.kind);
    read_ports(reader, service.ports);
    read_pins(reader, service);
    read_way(reader, service);
    const bool via_kernel = vip.is_via_kernel(service);
    check_way(reader, service, via_kernel);
    read_service_endpoints(reader, via_kernel, service.endpoints);
    if (const auto* health = reader.table("health")) read_health(*health, service.health, findings);
    check_check(reader, service);
    read_tags(reader, "tags", service.tags.emplace_back());
    reader.read("namespace", service.kube_namespace);
    reader.read("zone", service.zone);
    read_tags(reader, "labels", service.labels);
    report(faults_of_tags(service.tags.front(), "tags"), "service " + in_quotes(service.name),
           table, findings);
    if (!service.name.empty()) check_service(reader, service, to, known, findings);
    to.push_back(std::move(service));
}

void read_external_service(const toml::table& table, std::vector<ExternalService>& to,
                           Findings& findings) {
    static constexpr Keys<4> keys{"name", "endpoint", "host_entry", "address"};
    TableReader reader{table, "external_service", keys, findings};
    ExternalService service;
    service.where = findings.place(table);
    need(reader, table, "external_service", {"name", "endpoint"});
    read_name(reader, "name", Wildcard::no, service.name);
    const auto endpoints = read_endpoints(reader, "endpoint");
    if (endpoints.size() == 1) service.endpoint = endpoints.front();
    if (endpoints.size() > 1) {
        findings.error(reader.place("endpoint"), "'external_service.endpoint' is one HOST:PORT: "
                                                 "write another '[[external_service]]' of the "
                                                 "same name for another");
    }
    reader.read("host_entry", service.host_entry);
    read_pins(reader, service);
    report(faults_of(service), "external_service " + in_quotes(service.name), table, findings);
    to.push_back(std::move(service));
}

void read_virtual_outbound(const toml::table& table, std::vector<VirtualOutbound>& to,
                           Findings& findings) {
    static constexpr Keys<5> keys{"name", "selectors", "host", "port", "parameters"};
    TableReader reader{table, "virtual_outbound", keys, findings};
    VirtualOutbound outbound;
    outbound.where = findings.place(table);
    if (!need(reader, table, "virtual_outbound", {"name", "selectors", "host", "port"})) return;
    reader.read("name", outbound.name);
    reader.read_tables("selectors", [&](const toml::table& tags) {
        read_strings(tags, "virtual_outbound.selectors", outbound.selectors.emplace_back(),
                     findings);
    });
    reader.read("host", outbound.host);
    read_port_template(reader, outbound.port);
    read_tags(reader, "parameters", outbound.parameters);
    for (auto& [name, tag] : outbound.parameters) {
        if (tag.empty()) tag = name;
    }
    report(faults_of(outbound), "virtual_outbound " + in_quotes(outbound.name), table, findings);
    to.push_back(std::move(outbound));
}

void read_hostname_generator(const toml::table& table, std::vector<HostnameGenerator>& to,
                             Findings& findings) {
    static constexpr Keys<4> keys{"name", "kind", "match_labels", "template"};
    TableReader reader{table, "hostname_generator", keys, findings};
    HostnameGenerator generator;
    generator.where = findings.place(table);
    if (!need(reader, table, "hostname_generator", {"name", "kind", "template"})) return;
    reader.read("name", generator.name);
    read_kind(reader, false, generator.kind);
    read_tags(reader, "match_labels", generator.match_labels);
    reader.read("template", generator.text);
    report(faults_of(generator), "hostname_generator " + in_quotes(generator.name), table,
           findings);
    const auto twin = std::find_if(to.begin(), to.end(), [&generator](const auto& other) {
        return other.name == generator.name;
    });
    if (twin != to.end()) {
        findings.error(reader.place("name"), "hostname_generator " + in_quotes(generator.name) +
                                                 " is already defined at " +
                                                 twin->where.to_string());
    }
    to.push_back(std::move(generator));
}

void read_reachable(const toml::table& table, Reachable& to, Findings& findings) {
    static constexpr Keys<2> keys{"services", "backends"};
    TableReader reader{table, "reachable", keys, findings};
    if (reader.has("services")) {
        to.services = read_words<std::string>(
            reader, "services", [](std::string_view text) { return parse_name(text); },
            "the name of a service");
    }
    const auto* backends = reader.table("backends");
    if (backends == nullptr) return;
    static constexpr Keys<1> backend_keys{"refs"};
    TableReader backends_reader{*backends, "reachable.backends", backend_keys, findings};
    to.backends.emplace();
    backends_reader.read_tables(
        "refs", [&](const toml::table& ref) { read_backend_ref(ref, *to.backends, findings); });
}

}  // namespace meshgate::conf
