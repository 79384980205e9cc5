#include "dns/naming/names.h"

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;
using dns::naming::NamedVip;

namespace {

dns::naming::Names names_of(const std::string& toml) {
    return dns::naming::make_names(conf::parse(toml, "t").config);
}

/// "backend+ 80 | MeshService/web 8080 web.svc.mesh.local": keys, ports, names; '+' is a name under
/// every domain, '-' what is not reachable.
std::string in_words(const dns::naming::Names& names) {
    std::string text;
    for (const NamedVip& vip : names.vips) {
        if (!text.empty()) text += " | ";
        text += vip.key + (vip.relative.empty() ? "" : "+") + (vip.is_reachable ? "" : "-");
        for (const conf::Port port : vip.ports) text += " " + std::to_string(port);
        for (const std::string& name : vip.names) text += " " + name;
    }
    return text;
}

std::string warnings_of(const std::string& toml) {
    std::string text;
    for (const auto& warning : names_of(toml).warnings) text += warning.to_string() + "\n";
    return text;
}

std::string error_of(const std::string& toml) {
    try {
        return in_words(names_of(toml));
    } catch (const conf::Error& error) {
        return error.what();
    }
}

std::string service(const std::string& name, const std::string& more = "") {
    return "[[service]]\nname = \"" + name + "\"\nendpoints = [\"192.0.2.1:80\"]\n" + more;
}

std::string outbound(const std::string& name, const std::string& selector, const std::string& host,
                     const std::string& port) {
    return "[[virtual_outbound]]\nname = \"" + name + "\"\nselectors = [ { " + selector +
           " } ]\nhost = \"" + host + "\"\nport = \"" + port +
           "\"\nparameters = { service = \"kuma.io/service\", v = \"version\", port = \"port\", "
           "hostname = \"\" }\n";
}

const std::string any = R"("kuma.io/service" = "*")";

}  // namespace

TEST_CASE("services and external services of one tag are one VIP") {
    CHECK(in_words(
              names_of(service("backend_ns_svc_80") + service("db", "port = [5432, 80]\n") +
                       "[[external_service]]\nname = \"db\"\nendpoint = \"db.example.com:3306\"\n"
                       "[[external_service]]\nname = \"es\"\nendpoint = \"192.0.2.7:443\"\n"
                       "[[external_service]]\nname = \"es\"\nendpoint = \"192.0.2.8:8443\"\n"
                       "[[external_service]]\nname = \"quiet\"\nendpoint = \"q.example.com:1\"\n"
                       "host_entry = false\n")) ==
          "backend_ns_svc_80+ 80 | db+ 80 3306 5432 | es+ 80 443 8443 | quiet+ 1 80 | "
          "host/db.example.com 3306 db.example.com");
}

TEST_CASE("an external service that is pinned elsewhere than its service is an error") {
    CHECK(error_of(service("db", "address = \"240.0.0.1\"\n") +
                   "[[external_service]]\nname = \"db\"\nendpoint = \"db.example.com:3306\"\n"
                   "address = \"240.0.0.2\"\n") ==
          "t:5:1: external_service 'db' is pinned to 240.0.0.2, and service 'db' (t:1:1) to "
          "240.0.0.1: they are one");
}

TEST_CASE("two external services at one host and port: the first has it, and it is said") {
    const std::string text =
        "[[external_service]]\nname = \"a\"\nendpoint = \"x.example.com:443\"\n"
        "[[external_service]]\nname = \"b\"\nendpoint = \"x.example.com:443\"\n"
        "[[external_service]]\nname = \"c\"\nendpoint = \"x.example.com:80\"\n";
    CHECK(in_words(names_of(text)) ==
          "a+ 80 443 | b+ 80 443 | c+ 80 | host/x.example.com 80 443 x.example.com");
    CHECK(warnings_of(text) ==
          "t:4:1: external_service 'b': x.example.com:443 leads to external_service 'a' (t:1:1); "
          "set host_entry = false in one of them\n");
}

TEST_CASE("a virtual outbound makes names of tags, as Kuma's documents have them") {
    const std::string tags =
        "tags = { version = \"v1\", port = \"80\", hostname = \"box.corp\" }\n";
    const auto made = [&](const std::string& host, const std::string& port) {
        return in_words(names_of(service("web", tags) + outbound("o", any, host, port)));
    };
    CHECK(made("{{.service}}.{{.v}}.mesh", "8080") ==
          "web+ 80 | outbound/web.v1.mesh 8080 web.v1.mesh");
    CHECK(made("{{.hostname}}", "{{.port}}81") == "web+ 80 | outbound/box.corp 8081 box.corp");
    CHECK(made("Inst-{{.v}}.{{.service}}.Mesh", "1") ==
          "web+ 80 | outbound/inst-v1.web.mesh 1 inst-v1.web.mesh");
}

TEST_CASE("a tag that is missing makes no name, and it is said; the others have theirs") {
    const std::string text = service("a") + service("b", "tags = { version = \"v2\" }\n") +
                             outbound("o", any, "{{.service}}.{{.v}}.mesh", "80");
    CHECK(in_words(names_of(text)) == "a+ 80 | b+ 80 | outbound/b.v2.mesh 80 b.v2.mesh");
    CHECK(warnings_of(text) ==
          "t:8:1: virtual_outbound 'o' makes no name for service 'a': host: 'a.<no value>.mesh' is "
          "not a valid dns name\n");
}

TEST_CASE("a policy that fails for many says it a few times") {
    std::string text;
    for (const char* name : {"a", "b", "c", "d", "e"}) text += service(name);
    text += outbound("o", any, "{{.service}}.{{.v}}.mesh", "80");
    const std::string said = warnings_of(text);
    CHECK(std::count(said.begin(), said.end(), '\n') == 4);
    CHECK(said.ends_with("t:16:1: and 2 more of that kind\n"));
}

TEST_CASE("selectors match tags, the most specific first, then the newest") {
    const std::string tags = "tags = { version = \"v1\" }\n";
    const std::string text = service("a", tags) + service("b", "tags = { version = \"v2\" }\n") +
                             outbound("general", any, "one.mesh", "80") +
                             outbound("special", any + ", version = \"v2\"", "one.mesh", "80") +
                             outbound("none", any + ", zone = \"*\"", "two.mesh", "80") +
                             outbound("later", any, "three.mesh", "80") +
                             outbound("latest", any, "three.mesh", "80");
    CHECK(in_words(names_of(text)) ==
          "a+ 80 | b+ 80 | outbound/three.mesh 80 three.mesh | outbound/one.mesh 80 one.mesh");
    CHECK(warnings_of(text).find("virtual_outbound 'special': one.mesh:80 for service 'b' leads to "
                                 "service 'a' already (virtual_outbound 'general'") !=
          std::string::npos);
}

TEST_CASE("what is tried before it is used: a template that makes no name is an error") {
    const auto fault = [](const std::string& host, const std::string& port) {
        return error_of(outbound("o", any, host, port));
    };
    CHECK(fault("foo()bar", "80") ==
          "t:1:1: virtual_outbound 'o': host: 'foo()bar' is not a valid dns name");
    CHECK(fault("{{.service}", "80") ==
          "t:1:1: virtual_outbound 'o': host: 1:11: '}' cannot stand here");
    CHECK(fault("{{.service}}.mesh", "80000") ==
          "t:1:1: virtual_outbound 'o': port: 80000 is outside of the range 1..65535");
    CHECK(fault("{{.service}}.mesh", "http") ==
          "t:1:1: virtual_outbound 'o': port: 'http' is not a number");
    CHECK(fault("foo-bar.2", "80").empty());
    const auto generator = [](const std::string& text) {
        return error_of(
            "[[hostname_generator]]\nname = \"g\"\nkind = \"MeshService\"\ntemplate = '" + text +
            "'\n");
    };
    const std::string prefix = "t:1:1: hostname_generator 'g': template: ";
    CHECK(generator("{{ .DisplayName }}.Mesh") ==
          prefix + "renders to 'displayname.Mesh' which is not a valid DNS name");
    CHECK(generator(".{{ .Name }}") == prefix + "renders to '.name' which is not a valid DNS name");
    CHECK(generator("{{ .Name }}..mesh") ==
          prefix + "renders to 'name..mesh' which is not a valid DNS name");
    CHECK(generator("{{ .Nme }}") == prefix + "1:4: there is no field .Nme");
    CHECK(generator("{{ label \"x\" }}.mesh").empty());
}

TEST_CASE("Kuma's own generators name the services of this zone and of others") {
    const std::string text =
        "[mesh]\nzone = \"east\"\n" + service("web", "kind = \"MeshService\"\n") +
        service("web", "kind = \"MeshService\"\nzone = \"east\"\n") +
        service("web", "kind = \"MeshService\"\nzone = \"west\"\n") +
        service("pay", "kind = \"MeshService\"\nzone = \"west\"\nnamespace = \"shop\"\n") +
        service("db", "kind = \"MeshService\"\nzone = \"west\"\nnamespace = \"shop\"\n"
                      "labels = { \"k8s.kuma.io/is-headless-service\" = \"true\", "
                      "\"statefulset.kubernetes.io/pod-name\" = \"db-0\", "
                      "\"k8s.kuma.io/service-name\" = \"db\" }\n") +
        service("pay", "kind = \"MeshService\"\nnamespace = \"shop\"\n") +
        service("bin", "kind = \"MeshExternalService\"\n") +
        service("bin", "kind = \"MeshExternalService\"\nzone = \"west\"\n") +
        service("all", "kind = \"MeshMultiZoneService\"\n");
    CHECK(in_words(names_of(text)) ==
          "MeshService/web 80 web.svc.mesh.local | MeshService/web@east 80 | "
          "MeshService/web@west 80 web.svc.west.mesh.local | "
          "MeshService/pay.shop@west 80 pay.shop.svc.west.mesh.local | "
          "MeshService/db.shop@west 80 db-0.db.shop.svc.west.mesh.local | "
          "MeshService/pay.shop 80 pay.svc.mesh.local | "
          "MeshExternalService/bin 80 bin.extsvc.mesh.local | MeshExternalService/bin@west 80 | "
          "MeshMultiZoneService/all 80 all.mzsvc.mesh.local");
    CHECK(warnings_of(text) ==
          "t:7:1: MeshService 'web' does not get the name 'web.svc.mesh.local': it belongs to "
          "MeshService 'web' (t:3:1)\n"
          "t:39:1: MeshExternalService 'bin' does not get the name 'bin.extsvc.mesh.local': it "
          "belongs to MeshExternalService 'bin' (t:35:1)\n");
}

TEST_CASE("a generator of one of Kuma's names stands in its place; others are added") {
    const std::string generator =
        "[[hostname_generator]]\nname = \"local-universal-mesh-service\"\nkind = \"MeshService\"\n"
        "match_labels = { team = \"x\" }\ntemplate = '{{ .Name }}.{{ label \"team\" }}.mesh'\n"
        "[[hostname_generator]]\nname = \"more\"\nkind = \"MeshService\"\n"
        "template = '{{ .DisplayName }}.{{ label \"team\" }}.all.mesh'\n";
    const std::string text = generator +
                             service("a", "kind = \"MeshService\"\nlabels = { team = \"x\" }\n") +
                             service("b", "kind = \"MeshService\"\n");
    CHECK(in_words(names_of(text)) == "MeshService/a 80 a.x.mesh a.x.all.mesh | MeshService/b 80");
    CHECK(warnings_of(text) == "t:15:1: MeshService 'b' gets no name of hostname_generator 'more': "
                               "1:23: label team not found\n");
}

TEST_CASE("a name belongs to one: outbounds, then hosts, then services, twins, and the rest") {
    const std::string text =
        service("a_b") + service("a.b") + service("web", "tags = { version = \"v1\" }\n") +
        service("x", "kind = \"MeshService\"\nlabels = { \"kuma.io/display-name\" = \"a\" }\n") +
        "[[hostname_generator]]\nname = \"g\"\nkind = \"MeshService\"\n"
        "template = '{{ .DisplayName }}.b.mesh'\n" +
        outbound("o", any + ", version = \"*\"", "{{.service}}.mesh", "80");
    const std::string said = warnings_of(text);
    CHECK(said.find("service 'web' does not get the name 'web.mesh': it belongs to "
                    "virtual_outbound 'o'") != std::string::npos);
    CHECK(said.find("t:1:1: service 'a_b' does not get the name 'a.b.mesh': it belongs to service "
                    "'a.b' (t:4:1)") != std::string::npos);
    CHECK(said.find("MeshService 'x' does not get the name 'a.b.mesh': it belongs to service "
                    "'a.b'") != std::string::npos);
}

TEST_CASE("of two generators the zone's own, then the older, then the first by name gives a name") {
    struct Row {
        bool a_is_local, b_is_local;
        const char *a_created, *b_created, *has_it;
    };
    const Row rows[] = {
        {false, false, "", "", "a"},  // by name
        {false, true, "", "", "b"},
        {false, true, "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "b"},
        {true, true, "2025-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "b"},
        {false, false, "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "a"},
    };
    std::string text;
    for (const std::string name : {"a", "b"}) {
        text += "[[hostname_generator]]\nname = \"" + name + "\"\nkind = \"MeshService\"\n" +
                "match_labels = { of = \"" + name + "\" }\ntemplate = 'one.mesh'\n" +
                service(name, "kind = \"MeshService\"\nlabels = { of = \"" + name + "\" }\n");
    }
    for (const Row& row : rows) {
        conf::Config config = conf::parse(text, "t").config;
        config.hostname_generators[0].is_local = row.a_is_local;
        config.hostname_generators[1].is_local = row.b_is_local;
        config.hostname_generators[0].created = row.a_created;
        config.hostname_generators[1].created = row.b_created;
        const auto names = dns::naming::make_names(config);
        const std::string words = in_words(names);
        CAPTURE(words);
        const std::string loser = row.has_it == std::string{"a"} ? "b" : "a";
        CHECK(words.find(" one.mesh") == words.rfind(" one.mesh"));
        CHECK((words.find(" one.mesh") < words.find(" | ")) == (row.has_it == std::string{"a"}));
        REQUIRE(names.warnings.size() == 1);
        CHECK(names.warnings[0].message.find("MeshService '" + loser +
                                             "' does not get the name 'one.mesh'") == 0);
    }
}

TEST_CASE("what cannot be reached has an address, and no name") {
    const std::string services =
        service("a") + service("b", "tags = { version = \"v1\" }\n") +
        "[[external_service]]\nname = \"es\"\nendpoint = \"e.example.com:443\"\n" +
        outbound("o", any, "{{.service}}.v.mesh", "80") +
        service("web", "kind = \"MeshService\"\nport = [80, 8080]\n"
                       "labels = { team = \"x\" }\n") +
        service("all", "kind = \"MeshMultiZoneService\"\n");
    const auto reached = [&](const std::string& reachable) {
        std::string text;
        for (const NamedVip& vip : names_of("[reachable]\n" + reachable + services).vips) {
            if (!vip.is_reachable) continue;
            text += (text.empty() ? "" : " ") + vip.key;
            if (vip.kind == conf::ServiceKind::service) continue;
            for (const conf::Port port : vip.ports) text += ":" + std::to_string(port);
        }
        return text;
    };
    const std::string classic =
        "a b es host/e.example.com outbound/a.v.mesh outbound/b.v.mesh outbound/es.v.mesh";
    const std::string others = "MeshService/web:80:8080 MeshMultiZoneService/all:80";
    CHECK(reached("") == classic + " " + others);
    CHECK(reached("services = []\n") == others);
    CHECK(reached("services = [\"b\", \"none\"]\n") == "b outbound/b.v.mesh " + others);
    CHECK(reached("services = [\"es\"]\nbackends = {}\n") ==
          "es host/e.example.com outbound/es.v.mesh");
    const auto backend = [&](const std::string& ref) {
        return reached("services = []\nbackends = { refs = [ { " + ref + " } ] }\n");
    };
    CHECK(backend("kind = \"MeshService\", name = \"web\"") == "MeshService/web:80:8080");
    CHECK(backend("kind = \"MeshService\", name = \"web\", port = 8080") == "MeshService/web:8080");
    CHECK(backend("kind = \"MeshService\", name = \"web\", port = 81").empty());
    CHECK(backend("kind = \"MeshExternalService\", name = \"web\"").empty());
    CHECK(backend("kind = \"MeshService\", name = \"web\", namespace = \"n\"").empty());
    CHECK(backend("kind = \"MeshService\", labels = { team = \"x\" }") ==
          "MeshService/web:80:8080");
    CHECK(backend("kind = \"MeshService\", labels = { team = \"y\" }").empty());
    CHECK(
        backend("kind = \"MeshMultiZoneService\", labels = { \"kuma.io/origin\" = \"global\" }") ==
        "MeshMultiZoneService/all:80");
}

TEST_CASE("a reference in the words of before is one to a namespace and a port") {
    const std::string text = "[reachable]\nservices = []\nbackends = { refs = [ { kind = "
                             "\"MeshService\", name = \"web_shop_svc_8080\" } ] }\n" +
                             service("web", "kind = \"MeshService\"\nport = [80, 8080]\n"
                                            "namespace = \"shop\"\n") +
                             service("web", "kind = \"MeshService\"\nnamespace = \"other\"\n");
    CHECK(in_words(names_of(text)) ==
          "MeshService/web.shop 8080 web.svc.mesh.local | MeshService/web.other- 80");
}
