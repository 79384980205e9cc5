#include "dns/naming/hostnames.h"

#include "conf/words.h"
#include "dns/naming/template.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace meshgate::dns::naming {
namespace {

using conf::ServiceKind;
using conf::Tags;

constexpr const char *display_name = "kuma.io/display-name", *zone_label = "kuma.io/zone",
                     *origin = "kuma.io/origin", *env = "kuma.io/env", *mesh_label = "kuma.io/mesh",
                     *kube_namespace = "k8s.kuma.io/namespace",
                     *headless = "k8s.kuma.io/is-headless-service";

/// Those that a control plane makes for itself: the first two in a zone, the others in the global
/// one. (pkg/defaults/hostname_generator.go)
std::vector<conf::HostnameGenerator> kumas_own() {
    std::vector<conf::HostnameGenerator> out;
    const auto add = [&out](const char* name, ServiceKind kind, Tags labels, const char* text) {
        const bool is_local = labels.at(origin) == "zone";
        out.push_back({name, kind, std::move(labels), text, is_local, {}, {}});
    };
    add("local-mesh-external-service", ServiceKind::mesh_external_service, {{origin, "zone"}},
        "{{ .DisplayName }}.extsvc.mesh.local");
    add("local-universal-mesh-service", ServiceKind::mesh_service, {{origin, "zone"}},
        "{{ .DisplayName }}.svc.mesh.local");
    add("synced-mesh-multi-zone-service", ServiceKind::mesh_multi_zone_service,
        {{origin, "global"}}, "{{ .DisplayName }}.mzsvc.mesh.local");
    add("synced-kube-mesh-service", ServiceKind::mesh_service,
        {{origin, "global"}, {headless, "false"}, {env, "kubernetes"}},
        "{{ .DisplayName }}.{{ .Namespace }}.svc.{{ .Zone }}.mesh.local");
    add("synced-headless-kube-mesh-service", ServiceKind::mesh_service,
        {{origin, "global"}, {headless, "true"}, {env, "kubernetes"}},
        "{{ label \"statefulset.kubernetes.io/pod-name\" }}."
        "{{ label \"k8s.kuma.io/service-name\" }}."
        "{{ .Namespace }}.svc.{{ .Zone }}.mesh.local");
    add("synced-universal-mesh-service", ServiceKind::mesh_service,
        {{origin, "global"}, {env, "universal"}}, "{{ .DisplayName }}.svc.{{ .Zone }}.mesh.local");
    add("synced-mesh-external-service", ServiceKind::mesh_external_service, {{origin, "global"}},
        "{{ .DisplayName }}.extsvc.mesh.local");
    return out;
}

std::string or_empty(const Tags& labels, const char* key) {
    const auto found = labels.find(key);
    return found == labels.end() ? std::string{} : found->second;
}

}  // namespace

struct HostnameGenerators::Generator {
    conf::HostnameGenerator text;
    Template parsed;

    [[nodiscard]] bool selects(const conf::Service& service, const Tags& labels) const {
        return text.kind == service.kind &&
               std::all_of(text.match_labels.begin(), text.match_labels.end(),
                           [&labels](const auto& wanted) {
                               const auto found = labels.find(wanted.first);
                               return found != labels.end() && found->second == wanted.second;
                           });
    }
};

HostnameGenerators::HostnameGenerators(HostnameGenerators&&) noexcept = default;
HostnameGenerators::~HostnameGenerators() = default;

std::size_t HostnameGenerators::size() const noexcept {
    return generators_.size();
}

HostnameGenerators::HostnameGenerators(const std::vector<conf::HostnameGenerator>& configured) {
    std::vector<conf::HostnameGenerator> all = configured;
    for (conf::HostnameGenerator& own : kumas_own()) {
        const bool is_replaced =
            std::any_of(configured.begin(), configured.end(),
                        [&own](const auto& other) { return other.name == own.name; });
        if (!is_replaced) all.push_back(std::move(own));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::tie(b.is_local, a.created, a.name) < std::tie(a.is_local, b.created, b.name);
    });
    TemplateData words;
    words.is_record = words.has_every_label = true;
    words.fields = {{"Name", "name"},
                    {"DisplayName", "displayname"},
                    {"Namespace", "namespace"},
                    {"Mesh", "mesh"},
                    {"Zone", "zone"}};
    std::vector<conf::Diagnostic> errors;
    for (conf::HostnameGenerator& text : all) {
        const std::string what =
            "hostname_generator " + conf::in_quotes(text.name) + ": template: ";
        try {
            Template parsed = Template::parse(text.text, true);
            const std::string made = parsed.execute(words);
            if (conf::is_rfc1123_subdomain(made)) {
                generators_.push_back({std::move(text), std::move(parsed)});
            } else {
                errors.push_back({text.where, what + "renders to " + conf::in_quotes(made) +
                                                  " which is not a valid DNS name"});
            }
        } catch (const TemplateError& error) {
            errors.push_back({text.where, what + error.what()});
        }
    }
    if (!errors.empty()) throw conf::Error(std::move(errors));
}

std::optional<HostnameGenerators::Made> HostnameGenerators::make(std::size_t index,
                                                                 const conf::Service& service,
                                                                 const Tags& labels,
                                                                 const conf::Mesh& mesh) const {
    const Generator& generator = generators_[index];
    if (!generator.selects(service, labels)) return std::nullopt;
    TemplateData data;
    data.is_record = true;
    data.labels = labels;
    const std::string zone = or_empty(labels, zone_label);
    data.fields = {{"Name", service.name},
                   {"DisplayName", labels.at(display_name)},
                   {"Namespace", or_empty(labels, kube_namespace)},
                   {"Mesh", mesh.name},
                   {"Zone", zone.empty() ? mesh.zone : zone}};
    Made made;
    made.generator = generator.text.name;
    try {
        made.name = generator.parsed.execute(data);
        if (!conf::is_rfc1123_subdomain(made.name)) {
            made.fault = "it makes " + conf::in_quotes(made.name) + ", which is no valid DNS name";
            made.name.clear();
        }
    } catch (const TemplateError& error) {
        made.fault = error.what();
    }
    return made;
}

Tags labels_of(const conf::Service& service, const conf::Mesh& mesh) {
    Tags labels = service.labels;
    const auto give = [&labels](const char* key, const std::string& value) {
        if (!value.empty()) labels.emplace(key, value);
    };
    give(display_name, service.name);
    give(mesh_label, mesh.name);
    give(kube_namespace, service.kube_namespace);
    give(zone_label, service.zone);
    const bool is_local = service.kind != ServiceKind::mesh_multi_zone_service &&
                          (service.zone.empty() || service.zone == mesh.zone);
    give(origin, is_local ? "zone" : "global");
    give(env, service.kube_namespace.empty() ? "universal" : "kubernetes");
    if (labels.at(env) == "kubernetes") give(headless, "false");
    return labels;
}

}  // namespace meshgate::dns::naming
