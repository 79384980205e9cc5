#include "dns/naming/reachable.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace meshgate::dns::naming {
namespace {

bool has(const conf::Tags& labels, const std::string& key, const std::string& value) {
    const auto found = labels.find(key);
    return found != labels.end() && found->second == value;
}

/// "backend_shop_svc_8080" is what Kubernetes' backend in shop was called before MeshService.
conf::BackendRef decoded(conf::BackendRef ref) {
    std::string_view rest = ref.name;
    const auto port_at = rest.rfind('_');
    if (port_at == rest.npos) return ref;
    const std::string_view digits = rest.substr(port_at + 1);
    rest = rest.substr(0, port_at);
    if (!rest.ends_with("_svc")) return ref;
    rest.remove_suffix(4);
    const auto namespace_at = rest.rfind('_');
    conf::Port port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (namespace_at == rest.npos || namespace_at == 0 || error != std::errc{} ||
        end != digits.data() + digits.size() || port == 0) {
        return ref;
    }
    ref.kube_namespace = rest.substr(namespace_at + 1);
    if (!ref.port) ref.port = port;
    ref.name = std::string{rest.substr(0, namespace_at)};
    return ref;
}

bool selects(const conf::BackendRef& ref, const conf::Service& service, const conf::Tags& labels) {
    if (ref.kind != service.kind) return false;
    if (ref.name.empty()) {
        return std::all_of(ref.labels.begin(), ref.labels.end(), [&labels](const auto& wanted) {
            return has(labels, wanted.first, wanted.second);
        });
    }
    return has(labels, "kuma.io/display-name", ref.name) &&
           (ref.kube_namespace.empty() || has(labels, "k8s.kuma.io/namespace", ref.kube_namespace));
}

}  // namespace

bool reaches(const conf::Reachable& reachable, const std::string& service) {
    return !reachable.services || std::find(reachable.services->begin(), reachable.services->end(),
                                            service) != reachable.services->end();
}

bool reaches(const conf::Reachable& reachable, const conf::Service& service,
             const conf::Tags& labels, std::vector<conf::Port>& ports) {
    if (!reachable.backends) return true;
    std::vector<conf::Port> left;
    for (const conf::BackendRef& configured : *reachable.backends) {
        const conf::BackendRef ref = decoded(configured);
        if (!selects(ref, service, labels)) continue;
        for (const conf::Port port : ports) {
            if (!ref.port || *ref.port == port) left.push_back(port);
        }
    }
    std::sort(left.begin(), left.end());
    left.erase(std::unique(left.begin(), left.end()), left.end());
    if (!left.empty()) ports = left;
    return !left.empty();
}

}  // namespace meshgate::dns::naming
