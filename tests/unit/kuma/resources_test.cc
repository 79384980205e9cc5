#include "conf/kuma/resources.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;
using conf::kuma::Resources;

namespace {

Resources read(const std::string& text) {
    Resources resources;
    conf::kuma::read_resources(text, "f.yaml", conf::Mesh{}, resources);
    return resources;
}

std::string error_of(const std::string& text) {
    try {
        static_cast<void>(read(text));
        return "";
    } catch (const conf::Error& error) {
        return error.what();
    }
}

/// "a=1 b=2"
std::string in_words(const conf::Tags& tags) {
    std::string text;
    for (const auto& [key, value] : tags) text += (text.empty() ? "" : " ") + key + "=" + value;
    return text;
}

const std::string dataplane = R"(
type: Dataplane
mesh: default
name: web-1
networking:
  address: 192.168.0.1
  inbound:
  - port: 10000
    servicePort: 8080
    tags:
      kuma.io/service: web
      kuma.io/protocol: http
      version: v1
  - port: 10001
    state: Ignored
    tags: { kuma.io/service: hidden }
  - port: 10002
  outbound:
  - port: 20000
    tags: { kuma.io/service: db }
  transparentProxying:
    redirectPortInbound: 15106
    redirectPortOutbound: 15101
    ipFamilyMode: IPv4
    reachableServices: [db, "cache"]
    directAccessServices: ["*"]
    reachableBackends:
      refs:
      - kind: MeshService
        name: db
        port: 5432
)";

}  // namespace

TEST_CASE("a Dataplane is services, and what its machine shall capture") {
    const Resources got = read(dataplane + "---" + R"(
type: Dataplane
mesh: default
name: web-2
networking:
  address: 192.168.0.2
  inbound:
  - { port: 10000, tags: { kuma.io/service: web, version: v2 } }
  - { port: 10000, address: 192.168.0.3, tags: { kuma.io/service: web, version: v2 } }
---
type: Dataplane
mesh: another
name: web-3
networking: { address: 192.168.0.9, inbound: [ { port: 1, tags: { kuma.io/service: other } } ] }
)");
    REQUIRE(got.services.size() == 1);
    const conf::Service& web = got.services.front();
    CHECK(web.name == "web");
    CHECK(web.where.line == 8);
    REQUIRE(web.tags.size() == 2);
    CHECK(in_words(web.tags[0]) == "kuma.io/protocol=http version=v1");
    CHECK(in_words(web.tags[1]) == "version=v2");
    REQUIRE(web.endpoints.size() == 3);
    CHECK(web.endpoints[2].host == "192.168.0.3");
    REQUIRE(got.dataplanes.size() == 2);
    const auto& own = got.dataplanes.front();
    CHECK(own.name == "web-1");
    CHECK(own.redirect_inbound == conf::Port{15106});
    CHECK(own.redirect_outbound == conf::Port{15101});
    CHECK(own.ip_family == conf::IpFamilyMode::ipv4);
    CHECK(own.reachable.services == std::vector<std::string>{"db", "cache"});
    CHECK(own.direct_access_services == std::vector<std::string>{"*"});
    REQUIRE(own.reachable.backends->size() == 1);
    CHECK(own.reachable.backends->front().name == "db");
    CHECK(own.reachable.backends->front().port == conf::Port{5432});
    CHECK(!got.dataplanes[1].reachable.services);
    CHECK(!got.dataplanes[1].redirect_inbound);
}

TEST_CASE("policies in the form of Universal and of Kubernetes are the same") {
    const Resources got = read(R"(
type: VirtualOutbound
mesh: default
name: by-version
creationTime: "2024-01-01T00:00:00Z"
selectors:
- match: { kuma.io/service: "*", version: "*" }
conf:
  host: "{{.service}}.{{.v}}.mesh"
  port: "80"
  parameters:
  - name: service
    tagKey: kuma.io/service
  - name: v
    tagKey: version
  - { name: port }
---
apiVersion: kuma.io/v1alpha1
kind: VirtualOutbound
mesh: default
metadata: { name: by-version, creationTimestamp: "2024-01-01T00:00:00Z" }
spec:
  selectors: [ { match: { kuma.io/service: "*", version: "*" } } ]
  conf:
    host: "{{.service}}.{{.v}}.mesh"
    port: 80
    parameters: [ { name: service, tagKey: kuma.io/service }, { name: v, tagKey: version }, { name: port, tagKey: port } ]
---
{"type":"ExternalService","mesh":"default","name":"es","tags":{"kuma.io/service":"httpbin","kuma.io/protocol":"http"},"networking":{"address":"HttpBin.org:443","disableHostDNSEntry":true,"tls":{"enabled":true}}}
)");
    REQUIRE(got.virtual_outbounds.size() == 2);
    CHECK(got.virtual_outbounds[0] == got.virtual_outbounds[1]);
    CHECK(in_words(got.virtual_outbounds[0].parameters) ==
          "port=port service=kuma.io/service v=version");
    CHECK(got.virtual_outbounds[0].created == "2024-01-01T00:00:00Z");
    REQUIRE(got.external_services.size() == 1);
    CHECK(got.external_services[0].name == "httpbin");
    CHECK(got.external_services[0].endpoint == conf::Endpoint{"httpbin.org", 443});
    CHECK(!got.external_services[0].host_entry);
}

TEST_CASE("services of Kuma's kinds, with the VIPs that its control plane gave them") {
    const Resources got = read(R"(
kind: List
items:
- type: MeshService
  mesh: default
  name: web
  labels: { kuma.io/zone: east, kuma.io/origin: zone }
  spec:
    selector: { dataplaneTags: { kuma.io/service: web } }
    ports: [ { port: 80, targetPort: 8080, appProtocol: http }, { port: 443 } ]
  status:
    vips: [ { ip: 241.0.0.7 }, { ip: 241.0.0.8 } ]
- apiVersion: kuma.io/v1alpha1
  kind: MeshExternalService
  metadata: { name: bin, namespace: kuma-system, labels: { kuma.io/mesh: default } }
  spec:
    match: { type: HostnameGenerator, port: 4242, protocol: http }
    endpoints: [ { address: httpbin.org, port: 443 }, { address: "unix:///x" } ]
  status: { vip: { ip: 242.0.0.1 } }
- type: MeshMultiZoneService
  name: all
  spec: { selector: { meshService: { matchLabels: { app: x } } }, ports: [ { port: 80 } ] }
- type: HostnameGenerator
  name: g
  labels: { kuma.io/origin: zone }
  spec:
    selector: { meshMultiZoneService: { matchLabels: { a: b } } }
    template: "{{ .Name }}.mesh"
- type: MeshTimeout
  name: t
)");
    REQUIRE(got.services.size() == 3);
    CHECK(got.services[0].ports == std::vector<conf::Port>{80, 443});
    CHECK(got.services[0].zone == "east");
    CHECK(got.services[0].address4->to_string() == "241.0.0.7");
    CHECK(got.services[1].kind == conf::ServiceKind::mesh_external_service);
    CHECK(got.services[1].kube_namespace == "kuma-system");
    CHECK(got.services[1].ports == std::vector<conf::Port>{4242});
    CHECK(got.services[1].endpoints.size() == 1);
    CHECK(got.services[1].address4->to_string() == "242.0.0.1");
    CHECK(got.services[2].kind == conf::ServiceKind::mesh_multi_zone_service);
    REQUIRE(got.hostname_generators.size() == 1);
    CHECK(got.hostname_generators[0].kind == conf::ServiceKind::mesh_multi_zone_service);
    CHECK(got.hostname_generators[0].is_local);
    REQUIRE(got.warnings.size() == 1);
    CHECK(got.warnings[0].message == "resources that name nothing are passed over: MeshTimeout");
}

TEST_CASE("what Kuma refuses is refused, with file, document and field") {
    const auto with = [](const std::string& from, const std::string& to) {
        std::string text = dataplane;
        text.replace(text.find(from), from.size(), to);
        return error_of(text);
    };
    const std::string of = "document 1 (Dataplane 'web-1'): ";
    struct Row {
        const char *from, *to, *error;
    };
    const Row rows[] = {
        {"address: 192.168.0.1", "address: 0.0.0.0",
         "f.yaml:6:12: document 1 (Dataplane 'web-1'): networking.address: must not be 0.0.0.0 or "
         "::"},
        {"address: 192.168.0.1", "address: ''",
         "f.yaml:6:12: document 1 (Dataplane 'web-1'): networking.address: address can't be empty"},
        {"port: 10000", "port: 0",
         "f.yaml:8:11: document 1 (Dataplane 'web-1'): networking.inbound[0].port: port must be in "
         "the range [1, 65535]"},
        {"kuma.io/service: web", "team: web",
         "f.yaml:11:7: document 1 (Dataplane 'web-1'): networking.inbound[0].tags: "
         "[\"kuma.io/service\"]: tag has to exist"},
        {"kuma.io/protocol: http", "kuma.io/protocol: smtp",
         "f.yaml:11:7: document 1 (Dataplane 'web-1'): networking.inbound[0].tags: "
         "[\"kuma.io/protocol\"]: tag \"kuma.io/protocol\" has an invalid value \"smtp\". Allowed "
         "values: grpc, http, http2, kafka, tcp"},
        {"tags: { kuma.io/service: db }", "address: x",
         "f.yaml:20:14: document 1 (Dataplane 'web-1'): networking.outbound[0].address: address "
         "has "
         "to be valid IP address\n"
         "f.yaml:19:5: document 1 (Dataplane 'web-1'): networking.outbound[0].tags: mandatory tag "
         "\"kuma.io/service\" is missing"},
        {"redirectPortInbound: 15106", "redirectPortInbound: 70000",
         "f.yaml:22:26: document 1 (Dataplane 'web-1'): "
         "networking.transparentProxying.redirectPortInbound: port must be in the range [1, "
         "65535]"},
        {"redirectPortInbound: 15106", "redirectPortInboundV6: 15010",
         "f.yaml:22:28: document 1 (Dataplane 'web-1'): "
         "networking.transparentProxying.redirectPortInboundV6: is no field since Kuma 2.9: IPv6 "
         "goes to redirectPortInbound as well"},
        {"ipFamilyMode: IPv4", "ipFamilyMode: ipv4",
         "f.yaml:24:19: document 1 (Dataplane 'web-1'): "
         "networking.transparentProxying.ipFamilyMode: must be UnSpecified, DualStack, IPv4 or "
         "IPv6, not 'ipv4'"},
        {"kind: MeshService", "kind: Mesh",
         "f.yaml:29:15: document 1 (Dataplane 'web-1'): "
         "networking.transparentProxying.reachableBackends.refs[0].kind: invalid value. Available "
         "values are: MeshExternalService,MeshMultiZoneService,MeshService"},
        {"name: db", "namespace: db",
         "f.yaml:29:9: document 1 (Dataplane 'web-1'): "
         "networking.transparentProxying.reachableBackends.refs[0].name: name is required, when "
         "namespace is defined"},
        {"name: db", "name: db\n        labels: { a: b }",
         "f.yaml:31:17: document 1 (Dataplane 'web-1'): "
         "networking.transparentProxying.reachableBackends.refs[0].labels: labels cannot be "
         "defined "
         "when name is specified"},
        {"networking:", "nets:",
         "f.yaml:2:1: document 1 (Dataplane 'web-1'): networking: must be defined"},
        {"name: web-1", "nam: web-1",
         "f.yaml:2:1: document 1 (Dataplane): name: has to be defined"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.to);
        CHECK(with(row.from, row.to) == row.error);
    }
}

TEST_CASE("faults of the other types") {
    struct Row {
        const char *text, *error;
    };
    const Row rows[] = {
        {"type: ExternalService\nname: es\nnetworking: { address: 'x.org' }\ntags: { "
         "kuma.io/service: a }",
         "f.yaml:3:24: document 1 (ExternalService 'es'): networking.address: unable to parse "
         "address"},
        {"type: ExternalService\nname: es\nnetworking: { address: 'x.org:0' }\ntags: { "
         "kuma.io/service: a }",
         "f.yaml:3:24: document 1 (ExternalService 'es'): networking.address: port must be in the "
         "range [1, 65535]"},
        {"type: ExternalService\nname: es\nnetworking: { address: 'x.org:80' }\ntags: { a: b }",
         "f.yaml:4:7: document 1 (ExternalService 'es'): tags: mandatory tag \"kuma.io/service\" "
         "is "
         "missing"},
        {"type: ExternalService\nname: es\nnetworking: { address: 'x.org:80' }\ntags: { "
         "kuma.io/service: x.org }",
         "f.yaml:1:1: document 1 (ExternalService 'es'): tags[\"kuma.io/service\"]: cannot be the "
         "same as the host of networking.address"},
        {"type: ExternalService\nname: es\ntags: { kuma.io/service: a }",
         "f.yaml:1:1: document 1 (ExternalService 'es'): networking: should have networking"},
        {"type: VirtualOutbound\nname: o\nselectors: []\nconf: { host: h, port: 1 }",
         "f.yaml:1:1: document 1 (VirtualOutbound 'o'): selectors: must have at least one element\n"
         "f.yaml:1:1: document 1 (VirtualOutbound 'o'): conf.parameters: must contain a parameter "
         "with kuma.io/service as a tagKey"},
        {"type: VirtualOutbound\nname: o\nselectors: [ { match: { a: b } } ]\nconf: { host: h, "
         "port: 1, "
         "parameters: [ { name: s, tagKey: kuma.io/service }, { name: s } ] }",
         "f.yaml:4:87: document 1 (VirtualOutbound 'o'): conf.parameters[1].name: name is already "
         "used"},
        {"type: MeshService\nname: Web_1\nspec: { ports: [ { port: 80, appProtocol: smtp } ] }",
         "f.yaml:3:7: document 1 (MeshService 'Web_1'): name: a DNS-1035 label must consist of "
         "lower "
         "case alphanumeric characters or '-', start with an alphabetic character, and end with an "
         "alphanumeric character\n"
         "f.yaml:3:43: document 1 (MeshService 'Web_1'): spec.ports[0].appProtocol: must be one of "
         "grpc, "
         "http, http2, kafka, tcp, not 'smtp'"},
        {"type: MeshExternalService\nname: m\nspec: { match: { type: X, port: 0 } }",
         "f.yaml:3:24: document 1 (MeshExternalService 'm'): spec.match.type: unrecognized type 'X' - "
         "only 'HostnameGenerator' is supported\n"
         "f.yaml:3:33: document 1 (MeshExternalService 'm'): spec.match.port: port must be in the range "
         "[1, 65535]"},
        {"type: MeshExternalService\nname: m\nspec: { match: { port: 80, protocol: kafka } }",
         "f.yaml:3:38: document 1 (MeshExternalService 'm'): spec.match.protocol: must be one of tcp, "
         "grpc, http, http2, not 'kafka'"},
        {"type: MeshMultiZoneService\nname: m\nspec: { selector: { meshService: { matchLabels: { a: b "
         "} } }, ports: [ { port: 80, name: '' } ] }",
         "f.yaml:3:90: document 1 (MeshMultiZoneService 'm'): spec.ports[0].name: must not be empty"},
        {"type: MeshMultiZoneService\nname: m\nspec: { selector: {} }",
         "f.yaml:3:19: document 1 (MeshMultiZoneService 'm'): spec.selector: meshService.matchLabels: "
         "cannot be empty\n"
         "f.yaml:3:7: document 1 (MeshMultiZoneService 'm'): spec.ports: cannot be empty"},
        {"type: HostnameGenerator\nname: g\nspec: { selector: { meshService: {}, "
         "meshExternalService: {} } }",
         "f.yaml:3:19: document 1 (HostnameGenerator 'g'): spec.selector: exact one selector "
         "(meshService, "
         "meshExternalService, meshMultiZoneService) must be defined\n"
         "f.yaml:3:7: document 1 (HostnameGenerator 'g'): spec.template: must not be empty"},
        {"name: x",
         "f.yaml:1:1: document 1: has neither 'type' nor 'kind': which resource of Kuma is it?"},
        {"- a", "f.yaml:1:1: document 1: must be a resource of Kuma, a map of fields"},
        {"type: MeshService\nname: a\nspec: {}\n---\ntype: MeshService\nname: a\nspec: {}",
         "f.yaml:7:7: document 2 (MeshService 'a'): is already defined at f.yaml:1:1"},
        {"type: MeshService\nname: [a]",
         "f.yaml:2:7: document 1 (MeshService): name: must be a string\n"
         "f.yaml:2:7: document 1 (MeshService): name: has to be defined"},
        {"type: &a x",
         "f.yaml:1:7: anchors and aliases ('&', '*') are not taken: write the value out"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(error_of(row.text) == row.error);
    }
}

TEST_CASE("an empty file, and empty documents, are no resources") {
    CHECK(error_of("").empty());
    CHECK(error_of("---\n---\n# nothing\n").empty());
    CHECK(error_of("kind: List\nitems: []\n").empty());
}
