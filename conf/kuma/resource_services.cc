#include "conf/kuma/resource.h"

#include <algorithm>
#include <array>
#include <utility>

namespace meshgate::conf::kuma {
namespace {

std::string label(const Tags& labels, const char* key) {
    const auto found = labels.find(key);
    return found == labels.end() ? std::string{} : found->second;
}

void check_protocol(Fields& port) {
    static constexpr std::array<std::string_view, 5> words{"grpc", "http", "http2", "kafka", "tcp"};
    const std::string word = port.text("appProtocol");
    if (!word.empty() && std::find(words.begin(), words.end(), word) == words.end()) {
        port.fault("appProtocol",
                   "must be one of grpc, http, http2, kafka, tcp, not '" + word + "'");
    }
}

void read_ports(ServiceKind kind, Fields& body, std::vector<Port>& to) {
    std::vector<Port> ports;
    const bool is_named = kind == ServiceKind::mesh_multi_zone_service;
    body.each("ports", [&ports, is_named](Fields& port) {
        if (!port.has("port")) port.fault("port", "port must be in the range [1, 65535]");
        if (const auto number = port.port("port")) ports.push_back(*number);
        if (is_named && port.has("name") && port.text("name").empty()) {
            port.fault("name", "must not be empty");
        }
        check_protocol(port);
    });
    if (!ports.empty()) to = std::move(ports);
}

void read_match(Fields& body, std::vector<Port>& to) {
    auto match = body.map("match");
    if (!match) return body.fault("match", "must be defined");
    const std::string type = match->text("type");
    if (!type.empty() && type != "HostnameGenerator") {
        match->fault("type",
                     "unrecognized type '" + type + "' - only 'HostnameGenerator' is supported");
    }
    if (const auto port = match->port("port")) {
        to = {*port};
    } else if (!match->has("port")) {
        match->fault("port", "port must be a valid (1-65535)");
    }
    const std::string protocol = match->text("protocol");
    if (!protocol.empty() && protocol != "tcp" && protocol != "grpc" && protocol != "http" &&
        protocol != "http2") {
        match->fault("protocol", "must be one of tcp, grpc, http, http2, not '" + protocol + "'");
    }
}

void read_endpoints(Fields& body, std::vector<Endpoint>& to) {
    body.each("endpoints", [&to](Fields& endpoint) {
        const std::string address = endpoint.text("address");
        if (!IpAddress::parse(address) && !is_loose_dns_name(address)) {
            if (address.starts_with("unix://")) return;
            endpoint.fault("address", "address has to be a valid IP or hostname");
        } else if (const auto port = endpoint.port("port")) {
            to.push_back({address, *port});
        } else if (!endpoint.has("port")) {
            endpoint.fault("port", "port must be a valid (1-65535)");
        }
    });
}

void read_spec(ServiceKind kind, Fields& body, Service& to) {
    if (kind == ServiceKind::mesh_external_service) {
        read_match(body, to.ports);
        if (!body.has("extension")) read_endpoints(body, to.endpoints);
        return;
    }
    read_ports(kind, body, to.ports);
    auto selector = body.map("selector");
    if (kind == ServiceKind::mesh_service) {
        if (selector && selector->has("dataplaneRef") && selector->has("dataplaneLabels")) {
            selector->fault("", "must specify only one of: dataplaneRef or dataplaneLabels");
        }
        return;
    }
    std::optional<Fields> services;
    if (selector) services = selector->map("meshService");
    if (!services || services->tags("matchLabels").empty()) {
        body.fault("selector", "meshService.matchLabels: cannot be empty");
    }
    if (!body.has("ports")) body.fault("ports", "cannot be empty");
}

/// What Kuma's control plane has given it, if this was exported from there; of several only the
/// first is published there too. Both keys have been seen.
void read_vip(Fields& status, Service& to) {
    bool is_first = true;
    const auto read = [&](Fields& vip, const std::string& key) {
        const auto address = IpAddress::parse(vip.text(key));
        if (!is_first || vip.text(key).empty()) return;
        is_first = false;
        if (!address) return vip.fault(key, "is no IP address");
        (address->family() == Family::ipv4 ? to.address4 : to.address6) = address;
    };
    status.each("vips", [&read](Fields& vip) { read(vip, "ip"); });
    if (auto vip = status.map("vip")) read(*vip, "ip");
}

}  // namespace

void read_mesh_service(ServiceKind kind, const Meta& meta, Fields& body,
                       std::optional<Fields> status, Resources& to) {
    Service service;
    service.name = meta.name;
    service.kind = kind;
    service.labels = meta.labels;
    service.kube_namespace = meta.kube_namespace.empty()
                                 ? label(meta.labels, "k8s.kuma.io/namespace")
                                 : meta.kube_namespace;
    service.zone = label(meta.labels, "kuma.io/zone");
    service.tags.emplace_back();
    service.where = meta.where;
    const std::string display = label(meta.labels, "kuma.io/display-name");
    if (!is_rfc1035_label(display.empty() ? meta.name : display)) {
        body.add({"name: a DNS-1035 label must consist of lower case alphanumeric characters or "
                  "'-', start with an alphabetic character, and end with an alphanumeric "
                  "character"});
    }
    read_spec(kind, body, service);
    if (status) read_vip(*status, service);
    const auto [twin, is_new] = to.known.emplace(key_of(service), to.services.size());
    if (!is_new) {
        body.add({"is already defined at " + to.services[twin->second].where.to_string()});
        return;
    }
    to.services.push_back(std::move(service));
}

}  // namespace meshgate::conf::kuma
