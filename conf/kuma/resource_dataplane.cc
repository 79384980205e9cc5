#include "conf/kuma/resource.h"

#include <algorithm>
#include <utility>

namespace meshgate::conf::kuma {
namespace {

/// The service of an inbound; those of one tag are one service with several kinds of instances.
void add_instance(const Endpoint& endpoint, Tags tags, const Location& where, Resources& to) {
    const auto tag = tags.find(std::string{service_tag});
    const std::string name = tag->second;
    tags.erase(tag);
    const auto [known, is_new] = to.known.emplace(name, to.services.size());
    if (is_new) {
        Service& made = to.services.emplace_back();
        made.name = name;
        made.where = where;
    }
    Service* const service = &to.services[known->second];
    if (std::find(service->endpoints.begin(), service->endpoints.end(), endpoint) ==
        service->endpoints.end()) {
        service->endpoints.push_back(endpoint);
    }
    if (std::find(service->tags.begin(), service->tags.end(), tags) == service->tags.end()) {
        service->tags.push_back(std::move(tags));
    }
}

void check_ip(Fields& fields, std::string_view key) {
    const std::string text = fields.text(key);
    if (!text.empty() && !IpAddress::parse(text)) {
        fields.fault(key, std::string{key} + " has to be valid IP address");
    }
}

/// @param machine  networking.address
void read_inbound(Fields& inbound, const std::string& machine, Resources& to) {
    const auto port = inbound.port("port");
    if (!inbound.has("port")) inbound.fault("port", "port must be in the range [1, 65535]");
    const auto service_port = inbound.port("servicePort", true);
    check_ip(inbound, "address");
    check_ip(inbound, "serviceAddress");
    const std::string own = inbound.text("address"),
                      service_address = inbound.text("serviceAddress");
    const bool is_itself = !service_address.empty() &&
                           (service_address == machine || service_address == own) &&
                           (!service_port || service_port == port);
    if (is_itself) {
        inbound.fault("serviceAddress",
                      "serviceAddress and servicePort has to differ from address and port");
    }
    const Tags tags = inbound.tags("tags");
    check_tags(inbound, "tags", tags, false);
    if (tags.empty()) return;  // of a mesh that names no services by tags
    if (!tags.contains(std::string{service_tag})) {
        return inbound.fault("tags", "[\"kuma.io/service\"]: tag has to exist");
    }
    if (inbound.text("state") == "Ignored" || !port) return;
    add_instance({own.empty() ? machine : own, *port}, tags, inbound.where(), to);
}

void check_outbound(Fields& outbound) {
    if (!outbound.has("port")) outbound.fault("port", "port must be in the range [1, 65535]");
    static_cast<void>(outbound.port("port"));
    check_ip(outbound, "address");
    auto backend = outbound.map("backendRef");
    const Tags tags = outbound.tags("tags");
    if (backend) {
        const auto kind = parse_service_kind(backend->text("kind"));
        if (!kind || *kind == ServiceKind::service) {
            backend->fault("kind", "invalid value. Available values are: MeshExternalService,"
                                   "MeshMultiZoneService,MeshService");
        }
        if (backend->text("name").empty() && backend->tags("labels").empty()) {
            backend->fault("", "either 'name' or 'labels' should be specified");
        }
        if (!tags.empty() || outbound.has("service")) {
            outbound.fault("backendRef", "both backendRef and tags/service cannot be defined");
        }
    } else if (tags.empty() && !outbound.has("service")) {
        outbound.fault("tags", "mandatory tag \"kuma.io/service\" is missing");
    } else if (!tags.empty()) {
        check_tags(outbound, "tags", tags, true);
    }
}

void read_backend_ref(Fields& ref, std::vector<BackendRef>& to) {
    BackendRef out;
    out.where = ref.where();
    const auto kind = parse_service_kind(ref.text("kind"));
    if (kind && *kind != ServiceKind::service) {
        out.kind = *kind;
    } else {
        ref.fault("kind", "invalid value. Available values are: MeshExternalService,"
                          "MeshMultiZoneService,MeshService");
    }
    out.name = ref.text("name");
    out.kube_namespace = ref.text("namespace");
    out.labels = ref.tags("labels");
    out.port = ref.port("port", true);
    for (const std::string& fault : faults_of(out)) {
        const auto colon = fault.find(": ");
        ref.fault(fault.substr(0, colon), fault.substr(colon + 2));
    }
    to.push_back(std::move(out));
}

void read_ip_family(Fields& proxying, std::optional<IpFamilyMode>& to) {
    const std::string word = proxying.text("ipFamilyMode");
    if (word == "DualStack") {
        to = IpFamilyMode::dualstack;
    } else if (word == "IPv4") {
        to = IpFamilyMode::ipv4;
    } else if (word == "IPv6") {
        to = IpFamilyMode::ipv6;
    } else if (!word.empty() && word != "UnSpecified") {
        proxying.fault("ipFamilyMode",
                       "must be UnSpecified, DualStack, IPv4 or IPv6, not '" + word + "'");
    }
}

void read_proxying(Fields& proxying, const Meta& meta, Dataplane& to) {
    to.has_transparent_proxying = true;
    to.redirect_inbound = proxying.port("redirectPortInbound", true);
    to.redirect_outbound = proxying.port("redirectPortOutbound", true);
    if (proxying.has("redirectPortInboundV6")) {
        proxying.fault("redirectPortInboundV6",
                       "is no field since Kuma 2.9: IPv6 goes to redirectPortInbound as well");
    }
    read_ip_family(proxying, to.ip_family);
    to.direct_access_services = proxying.texts("directAccessServices");
    if (proxying.has("reachableServices")) {
        to.reachable.services = proxying.texts("reachableServices");
    }
    auto backends = proxying.map("reachableBackends");
    if (!backends) return;
    to.reachable.backends.emplace();
    backends->each("refs", [&to](Fields& ref) { read_backend_ref(ref, *to.reachable.backends); });
    for (BackendRef& ref : *to.reachable.backends) {
        if (!ref.name.empty() && ref.kube_namespace.empty())
            ref.kube_namespace = meta.kube_namespace;
    }
}

}  // namespace

void read_dataplane(const Meta& meta, Fields& body, Resources& to) {
    auto networking = body.map("networking");
    if (!networking) {
        if (!body.has("networking")) body.fault("networking", "must be defined");
        return;
    }
    const std::string address = networking->text("address");
    if (address.empty()) {
        networking->fault("address", "address can't be empty");
    } else if (address == "0.0.0.0" || address == "::") {
        networking->fault("address", "must not be 0.0.0.0 or ::");
    } else if (!IpAddress::parse(address) && !is_loose_dns_name(address)) {
        networking->fault("address", "address has to be valid IP address or domain name");
    }
    if (auto gateway = networking->map("gateway")) {
        const Tags tags = gateway->tags("tags");
        check_tags(*gateway, "tags", tags, !tags.empty());
        if (networking->has("inbound")) {
            networking->fault("inbound", "inbound cannot be defined for gateways");
        }
    }
    networking->each("inbound", [&](Fields& inbound) { read_inbound(inbound, address, to); });
    networking->each("outbound", check_outbound);
    Dataplane& dataplane = to.dataplanes.emplace_back();
    dataplane.name = meta.name;
    dataplane.where = meta.where;
    if (auto proxying = networking->map("transparentProxying")) {
        read_proxying(*proxying, meta, dataplane);
    }
}

}  // namespace meshgate::conf::kuma
