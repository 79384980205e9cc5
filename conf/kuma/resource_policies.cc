#include "conf/kuma/resource.h"

#include <utility>

namespace meshgate::conf::kuma {

void read_external_service(const Meta& meta, Fields& body, Resources& to) {
    ExternalService service;
    service.where = meta.where;
    const Tags tags = body.tags("tags");
    check_tags(body, "tags", tags, true);
    const auto tag = tags.find(std::string{service_tag});
    if (tag != tags.end()) service.name = tag->second;
    auto networking = body.map("networking");
    if (!networking) {
        if (!body.has("networking")) body.fault("networking", "should have networking");
        return;
    }
    const auto endpoint = read_address(*networking, "address");
    if (endpoint) service.endpoint = *endpoint;
    service.host_entry = !networking->flag("disableHostDNSEntry");
    if (endpoint && tag != tags.end()) body.add(faults_of(service));
    to.external_services.push_back(std::move(service));
}

void read_virtual_outbound(const Meta& meta, Fields& body, Resources& to) {
    VirtualOutbound outbound;
    outbound.name = meta.name;
    outbound.created = meta.created;
    outbound.where = meta.where;
    body.each("selectors", [&outbound](Fields& selector) {
        outbound.selectors.push_back(selector.tags("match"));
    });
    auto conf = body.map("conf");
    if (!conf) {
        if (!body.has("conf")) body.fault("conf", "has to be defined");
        return;
    }
    outbound.host = conf->text("host");
    outbound.port = conf->text("port");
    conf->each("parameters", [&outbound](Fields& parameter) {
        const std::string name = parameter.text("name"), tag = parameter.text("tagKey");
        if (!outbound.parameters.emplace(name, tag.empty() ? name : tag).second) {
            parameter.fault("name", "name is already used");
        }
    });
    body.add(faults_of(outbound));
    to.virtual_outbounds.push_back(std::move(outbound));
}

void read_hostname_generator(const Meta& meta, Fields& body, Resources& to) {
    HostnameGenerator generator;
    generator.name = meta.name;
    generator.created = meta.created;
    generator.where = meta.where;
    const auto origin = meta.labels.find("kuma.io/origin");
    generator.is_local = origin != meta.labels.end() && origin->second == "zone";
    generator.text = body.text("template");
    int selectors = 0;
    if (auto selector = body.map("selector")) {
        for (const auto& [key, kind] :
             {std::pair{"meshService", ServiceKind::mesh_service},
              std::pair{"meshExternalService", ServiceKind::mesh_external_service},
              std::pair{"meshMultiZoneService", ServiceKind::mesh_multi_zone_service}}) {
            auto one = selector->map(key);
            if (!one) continue;
            ++selectors;
            generator.kind = kind;
            generator.match_labels = one->tags("matchLabels");
        }
    }
    if (selectors != 1) {
        body.fault("selector", "exact one selector (meshService, meshExternalService, "
                               "meshMultiZoneService) must be defined");
    }
    if (auto extension = body.map("extension"); extension && extension->text("type").empty()) {
        extension->fault("type", "must not be empty");
    }
    for (const std::string& fault : faults_of(generator)) {
        body.fault("template", fault.substr(fault.find(": ") + 2));
    }
    to.hostname_generators.push_back(std::move(generator));
}

}  // namespace meshgate::conf::kuma
