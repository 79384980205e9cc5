#include "src/meshgate-dns/hosts_files.h"

#include "dns/wire/text_name.h"
#include "src/meshgate-dns/rebuild.h"
#include "tests/unit/meshgate-dns/temporary_folder.h"

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

using namespace meshgate;
using dnsd::HostsFiles;

namespace {

struct Fixture {
    TemporaryFolder folder;
    conf::Config config;
    std::vector<std::string> warnings;

    Fixture() { config.hosts = {{folder / "hosts", {}, {}}}; }
    [[nodiscard]] const std::string& path() const { return config.hosts[0].file; }
    void write(const std::string& text) const { std::ofstream{path()} << text; }
    void append(const std::string& text) const { std::ofstream{path(), std::ios::app} << text; }
};

std::string names_of(const dns::zone::Source& source) {
    std::string out;
    for (std::size_t i = 0; i < source.hosts->size(); ++i) {
        out += (out.empty() ? "" : " ") + dns::wire::to_text((*source.hosts)[i].name);
    }
    return out;
}

/// More than a chunk of lines that all differ.
std::string many_lines(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += "10.0.0.1 name-" + std::to_string(i) + ".mesh\n";
    }
    return text;
}

}  // namespace

TEST_CASE("lines that are appended are read by themselves, again and again") {
    for (const std::size_t lines : {0, 1, 2500, 3000, 6000}) {
        CAPTURE(lines);
        Fixture f;
        f.write(many_lines(lines));
        HostsFiles files{f.config};
        CHECK(files.read(f.warnings).at(0).hosts->size() == lines);
        REQUIRE(files.read_added(f.warnings));
        CHECK(files.read_added(f.warnings)->empty());
        for (int step = 0; step < 3; ++step) {
            const std::string name = "new" + std::to_string(step) + ".mesh";
            f.append("192.0.2.1 " + name + "\nnonsense\n");
            const auto added = files.read_added(f.warnings);
            REQUIRE(added);
            REQUIRE(added->size() == 1);
            CHECK(names_of(added->at(0).source) == name);
            CHECK(added->at(0).position == dns::zone::Position::last);
            const std::string line = std::to_string(lines + 2 + 2 * static_cast<std::size_t>(step));
            CHECK(f.warnings.back() ==
                  f.path() + ":" + line + ": 'nonsense' is no address: the line is passed over");
        }
        CHECK(f.warnings.size() == 3);
    }
}

TEST_CASE("any other change has the whole read again") {
    const std::string text = many_lines(5000);
    const auto changed_to = [&text](const std::string& after) {
        Fixture f;
        f.write(text);
        HostsFiles files{f.config};
        files.read(f.warnings);
        f.write(after);
        return files.read_added(f.warnings).has_value();
    };
    CHECK(changed_to(text + "192.0.2.1 a.mesh\n"));
    CHECK_FALSE(changed_to(text + "192.0.2.1 half.me"));  // the rest may come
    CHECK_FALSE(changed_to(text.substr(0, text.size() - 1)));
    CHECK_FALSE(changed_to(""));
    for (const std::size_t at :
         {std::size_t{0}, std::size_t{65535}, std::size_t{65536}, text.size() - 2}) {
        std::string other = text + "192.0.2.1 a.mesh\n";
        other[at] = other[at] == 'x' ? 'y' : 'x';
        CAPTURE(at);
        CHECK_FALSE(changed_to(other));
    }
    CHECK_FALSE(changed_to(text + many_lines(100'000)));
}

TEST_CASE("a file may come late, but one that was there has to stay") {
    Fixture f;
    HostsFiles files{f.config};
    CHECK(files.read(f.warnings).empty());
    REQUIRE(f.warnings.size() == 1);
    CHECK(f.warnings[0].find("its names come when it is there") != std::string::npos);
    REQUIRE(files.read_added(f.warnings));
    f.write("192.0.2.1 a.mesh\n");
    CHECK_FALSE(files.read_added(f.warnings));
    CHECK(names_of(files.read(f.warnings).at(0)) == "a.mesh");
    std::filesystem::remove(f.path());
    CHECK_THROWS_AS(static_cast<void>(files.read_added(f.warnings)), std::system_error);
    CHECK_THROWS_AS(static_cast<void>(files.read(f.warnings)), std::system_error);
    HostsFiles next{f.config, &files};
    CHECK_THROWS_AS(static_cast<void>(next.read(f.warnings)), std::system_error);
}

TEST_CASE("a folder and a pipe are no hosts files, and nobody waits for them") {
    for (const char* path : {"/", "/dev/null", "/dev/stdin"}) {
        Fixture f;
        f.config.hosts[0].file = path;
        HostsFiles files{f.config};
        CAPTURE(path);
        CHECK(files.read(f.warnings).empty());
        CHECK(f.warnings.size() == 1);
    }
}

TEST_CASE("a table grows by a line, and is made anew for other changes") {
    Fixture f;
    f.write("10.0.0.1 a.mesh\n");
    auto hosts = std::make_shared<HostsFiles>(f.config);
    const auto contents = std::make_shared<dns::zone::Contents>();
    contents->domains = {"mesh"};
    dnsd::Rebuild from{f.config, contents, nullptr, {}, {}, hosts};
    from.table = dns::zone::build(*contents, dnsd::all_sources(f.config, {}, *hosts, f.warnings));
    CHECK(dnsd::rebuild(from, f.warnings) == from.table);
    f.append("10.0.0.2 b.mesh\n");
    from.table = dnsd::rebuild(from, f.warnings);
    CHECK(from.table->names() == 2);
    f.append("2001:db8::1 b.mesh\n");  // an address more of a name that is there
    from.table = dnsd::rebuild(from, f.warnings);
    CHECK(from.table->names() == 2);
    CHECK(dnsd::rebuild(from, f.warnings) == from.table);
    f.write("10.0.0.2 b.mesh\n");
    from.table = dnsd::rebuild(from, f.warnings);
    CHECK(from.table->names() == 1);
    CHECK(f.warnings.empty());
}

TEST_CASE("a feed that tells a few names more has them added, one that takes some back does not") {
    const auto told = [](const std::vector<std::pair<std::string, std::string>>& names) {
        dns::feed::KumaDocument document;
        dns::zone::HostList hosts;
        for (const auto& [name, text] : names) {
            const auto address = conf::IpAddress::parse(text).value();
            hosts.add(dns::wire::to_wire(name), {&address, 1});
        }
        document.hosts = std::make_shared<const dns::zone::HostList>(std::move(hosts));
        return dnsd::FeedNames{
            std::make_shared<const dns::feed::KumaDocument>(std::move(document))};
    };
    conf::Config config;
    config.feed.kuma.emplace();
    std::vector<std::string> warnings;
    auto hosts = std::make_shared<HostsFiles>(config);
    const auto contents = std::make_shared<dns::zone::Contents>();
    contents->domains = {"mesh"};
    dnsd::Rebuild from{config, contents, nullptr, told({{"a.mesh", "240.0.0.1"}}), {}, hosts};
    from.table = dns::zone::build(*contents, to_sources(config, from.had));
    const std::vector<std::pair<std::vector<std::pair<std::string, std::string>>, std::size_t>>
        steps{{{{"0.mesh", "240.0.0.2"}, {"a.mesh", "240.0.0.1"}, {"b.mesh", "240.0.0.3"}}, 3},
              {{{"0.mesh", "240.0.0.2"}, {"a.mesh", "240.0.0.9"}, {"b.mesh", "240.0.0.3"}}, 3},
              {{{"b.mesh", "240.0.0.3"}}, 1},
              {{}, 0}};
    for (const auto& [names, count] : steps) {
        from.told = told(names);
        from.table = dnsd::rebuild(from, warnings);
        from.had = from.told;
        CHECK(from.table->names() == count);
    }
}
