#include "conf/kuma/resource_folder.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;

namespace {

/// A folder of resources, gone at the end.
struct Folder {
    Folder() { REQUIRE(::mkdtemp(name) != nullptr); }
    ~Folder() { std::filesystem::remove_all(name); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    void write(const std::string& file, const std::string& text) const {
        std::ofstream{std::string{name} + "/" + file} << text;
    }
    /// What a configuration with the folder and these lines becomes; "! why" for an error.
    [[nodiscard]] conf::Loaded load(const std::string& mesh, const std::string& more = "") const {
        conf::Loaded loaded = conf::parse(
            "[mesh]\nresources = \"" + std::string{name} + "\"\n" + mesh + more, "t.toml");
        conf::kuma::add_resources(loaded);
        return loaded;
    }
    [[nodiscard]] std::string error(const std::string& mesh, const std::string& more = "") const {
        try {
            static_cast<void>(load(mesh, more));
            return "";
        } catch (const conf::Error& error) {
            std::string text = error.what();
            for (auto at = text.find(name); at != text.npos; at = text.find(name)) {
                text.replace(at, std::string{name}.size(), "DIR");
            }
            return text;
        }
    }

    char name[40] = "/tmp/meshgate-resources-XXXXXX";
};

std::string dataplane(const std::string& name, const std::string& proxying) {
    return "type: Dataplane\nmesh: default\nname: " + name +
           "\nnetworking:\n  address: 192.0.2.1\n  inbound: [ { port: 80, tags: { "
           "kuma.io/service: " +
           name + " } } ]\n  transparentProxying: { " + proxying + " }\n";
}

}  // namespace

TEST_CASE("the machine's Dataplane gives ports and families that the file does not") {
    const Folder folder;
    folder.write("dp.yaml", dataplane("me", "redirectPortInbound: 15106, redirectPortOutbound: "
                                            "15101, ipFamilyMode: IPv4, reachableServices: [a]"));
    const conf::Config all = folder.load("").config;
    CHECK(all.redirect.inbound.port == 15106);
    CHECK(all.redirect.outbound.port == 15101);
    CHECK(all.redirect.ip_family == conf::IpFamilyMode::ipv4);
    CHECK(all.reachable.services == std::vector<std::string>{"a"});
    const conf::Config some = folder
                                  .load("", "[redirect]\nip_family = \"dualstack\"\n"
                                            "[redirect.inbound]\nport = 15006\n[reachable]\n")
                                  .config;
    CHECK(some.redirect.inbound.port == 15006);
    CHECK(some.redirect.outbound.port == 15101);
    CHECK(some.redirect.ip_family == conf::IpFamilyMode::dualstack);
    CHECK(!some.reachable.services);
    const conf::Config none = folder.load("dataplane = \"\"\n").config;
    CHECK(none.redirect.inbound.port == 15006);
    CHECK(none.services.size() == 1);
}

TEST_CASE("which Dataplane the machine is has to be said when there are several") {
    const Folder folder;
    folder.write("a.yaml", dataplane("a", "redirectPortInbound: 15106"));
    folder.write("b.json",
                 R"({"type":"Dataplane","name":"b","networking":{"address":"192.0.2.2"}})");
    CHECK(folder.error("") == "t.toml:1:1: 'mesh.dataplane' has to say which Dataplane of DIR this "
                              "machine is (a, b), or \"\" for none");
    CHECK(folder.error("dataplane = \"c\"\n") ==
          "t.toml:1:1: 'mesh.dataplane': there is no Dataplane 'c' in DIR");
    CHECK(folder.load("dataplane = \"a\"\n").config.redirect.inbound.port == 15106);
    CHECK(folder.load("dataplane = \"b\"\n").config.redirect.inbound.port == 15006);
}

TEST_CASE("what the configuration has itself stays, and instances add up") {
    const Folder folder;
    folder.write("a.yaml", dataplane("web", ""));
    folder.write("b.yaml",
                 "type: MeshService\nname: m\nspec: { ports: [ { port: 81 } ] }\n---\n"
                 "type: HostnameGenerator\nname: g\nspec: { selector: { meshService: {} }, "
                 "template: 'x{{ .Name }}.mesh' }\n");
    const auto loaded = folder.load(
        "",
        "[[service]]\nname = \"web\"\ntags = { version = \"v1\" }\nendpoints = [\"h:1\"]\n"
        "[[service]]\nname = \"m\"\nkind = \"MeshService\"\nendpoints = [\"h:1\"]\n"
        "[[hostname_generator]]\nname = \"g\"\nkind = \"MeshService\"\ntemplate = \"a.mesh\"\n");
    REQUIRE(loaded.config.services.size() == 2);
    CHECK(loaded.config.services[0].tags.size() == 2);
    CHECK(loaded.config.services[0].endpoints.size() == 2);
    CHECK(loaded.config.services[1].ports == std::vector<conf::Port>{80});
    CHECK(loaded.config.hostname_generators.size() == 1);
    CHECK(loaded.warnings.size() == 2);
}

TEST_CASE("every file is read, but hidden ones and others; all that is wrong is told") {
    const Folder folder;
    folder.write("b.yml", "type: MeshService\n");
    folder.write("a.yaml", "x");
    folder.write(".hidden.yaml", "x");
    folder.write("notes.txt", "x");
    CHECK(folder.error("") ==
          "DIR/a.yaml:1:1: document 1: must be a resource of Kuma, a map of fields\n"
          "DIR/b.yml:1:1: document 1 (MeshService): name: has to be defined");
}

TEST_CASE("ports of a Dataplane that contradict the file are an error") {
    const Folder folder;
    folder.write("dp.yaml", dataplane("me", "redirectPortInbound: 15001"));
    CHECK(folder.error("").find(
              "'redirect.inbound.port' and 'redirect.outbound.port' are both 15001") !=
          std::string::npos);
    const std::string missing = "[mesh]\nresources = \"/nowhere/at/all\"\n";
    conf::Loaded loaded = conf::parse(missing, "t.toml");
    CHECK_THROWS_WITH_AS(conf::kuma::add_resources(loaded),
                         "/nowhere/at/all: No such file or directory", conf::Error);
}

TEST_CASE("the signature changes with names, sizes and times") {
    const Folder folder;
    const auto empty = conf::kuma::signature_of(folder.name);
    folder.write("a.yaml", "a");
    const auto one = conf::kuma::signature_of(folder.name);
    CHECK(one != empty);
    CHECK(conf::kuma::signature_of(folder.name) == one);
    folder.write("a.yaml", "ab");
    CHECK(conf::kuma::signature_of(folder.name) != one);
    CHECK(conf::kuma::signature_of("/nowhere/at/all") != empty);
}
