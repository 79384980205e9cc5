#include "conf/corefile/corefile.h"

#include <cstdlib>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate::conf;
using corefile::Corefile;
using corefile::ServerBlock;

namespace {

/// The directives that Kuma's proxies of a range of releases write, put together anew.
std::string kuma_corefile(const std::string& codes, bool empty_block, bool log) {
    std::string text = "# the mesh's names\n.:15053 {\n    forward . 127.0.0.1:15054\n"
                       "    # the host's servers for what Envoy does not know\n"
                       "    alternate " +
                       codes + " . /etc/resolv.conf\n    prometheus localhost:19153\n    errors\n";
    if (log) text += "    log\n";
    text += "}\n";
    if (empty_block)
        text += "\n.:15055 {\n    template ANY ANY . {\n      rcode NXDOMAIN\n    }\n}\n";
    return text;
}

const SocketAddress envoy = SocketAddress::parse("127.0.0.1:15054", 53).value();

}  // namespace

TEST_CASE("the Corefiles of Kuma 1.2 to 2.14") {
    struct Release {
        const char* codes;
        std::vector<std::uint8_t> rcodes;
        bool empty_block, log;
    };
    const Release releases[] = {
        {"NXDOMAIN,SERVFAIL,REFUSED", {3, 2, 5}, true, false},                       // 1.2 to 1.3
        {"NOTIMP,FORMERR,NXDOMAIN,SERVFAIL,REFUSED", {4, 1, 3, 2, 5}, true, false},  // to 2.5
        {"NOTIMP,FORMERR,NXDOMAIN,SERVFAIL,REFUSED", {4, 1, 3, 2, 5}, true, true},   // to 2.7
        {"NOTIMP,FORMERR,NXDOMAIN,SERVFAIL,REFUSED", {4, 1, 3, 2, 5}, false, false}  // to 2.14
    };
    for (const Release& release : releases) {
        CAPTURE(release.codes);
        const Corefile file = corefile::parse(
            kuma_corefile(release.codes, release.empty_block, release.log), "Corefile");
        REQUIRE(file.blocks.size() == (release.empty_block ? 2 : 1));
        CHECK(file.warnings.empty());
        CHECK(file.resolv_conf == "/etc/resolv.conf");
        const ServerBlock& mesh = file.blocks[0];
        REQUIRE(mesh.keys.size() == 1);
        CHECK(mesh.keys[0].zone.empty());
        CHECK(mesh.keys[0].port == 15053);
        REQUIRE(mesh.forwards.size() == 1);
        CHECK(mesh.forwards[0].from.empty());
        CHECK(mesh.forwards[0].upstreams == std::vector<Upstream>{envoy});
        REQUIRE(mesh.alternates.size() == 1);
        CHECK(mesh.alternates[0].on.rcodes == release.rcodes);
        CHECK_FALSE(mesh.alternates[0].on.nodata);
        CHECK(mesh.alternates[0].upstreams == std::vector<Upstream>{ResolvConfUpstreams{}});
        REQUIRE(mesh.prometheus);
        CHECK(mesh.prometheus->addresses.front().to_string() == "127.0.0.1:19153");
        CHECK(mesh.errors);
        CHECK(mesh.log.has_value() == release.log);
        CHECK_FALSE(mesh.cache);
        if (!release.empty_block) continue;
        const ServerBlock& empty = file.blocks[1];
        CHECK(empty.keys[0].port == 15055);
        REQUIRE(empty.templates.size() == 1);
        CHECK(empty.templates[0].qclass == "ANY");
        CHECK(empty.templates[0].qtype == "ANY");
        CHECK(empty.templates[0].zones == std::vector<std::string>{""});
        CHECK(empty.templates[0].rcode == 3);
    }
}

TEST_CASE("users' variants of Kuma's Corefile") {
    const Corefile file = corefile::parse(R"(.:15053 {
  bind 127.0.0.1 ::1
  # no AAAA on hosts without IPv6
  template IN AAAA . {
    rcode NOERROR
    fallthrough
  }
  hosts /etc/mesh.hosts example.org {
    192.0.2.7 inline.example.org
    ttl 60
    fallthrough
  }
  forward . 127.0.0.1:15054 {
    max_fails 0
    expire 20s
    policy sequential
    except internal.example
    health_check 5s domain example.org
  }
  alternate original NXDOMAIN,NODATA . 192.0.2.53 [2001:db8::53]:5353 resolver.example
  cache 30
  health localhost:8080
  ready
  reload 10s
  log . "{remote} {name} {rcode}" {
    class denial error
  }
}
)",
                                          "Corefile");
    REQUIRE(file.blocks.size() == 1);
    const ServerBlock& block = file.blocks[0];
    CHECK(block.bind == std::vector<std::string>{"127.0.0.1", "::1"});
    REQUIRE(block.templates.size() == 1);
    CHECK(block.templates[0].qtype == "AAAA");
    CHECK(block.templates[0].rcode == 0);
    REQUIRE(block.hosts);
    CHECK(block.hosts->file == "/etc/mesh.hosts");
    CHECK(block.hosts->zones == std::vector<std::string>{"example.org"});
    CHECK(block.hosts->inlined == std::vector<std::string>{"192.0.2.7 inline.example.org"});
    CHECK(block.hosts->ttl == 60);
    CHECK(block.hosts->fallthrough);
    CHECK(block.forwards[0].policy == corefile::Policy::sequential);
    CHECK(block.forwards[0].except == std::vector<std::string>{"internal.example"});
    CHECK(block.alternates[0].on.nodata);
    CHECK(block.alternates[0].upstreams ==
          std::vector<Upstream>{SocketAddress::parse("192.0.2.53", 53).value(),
                                SocketAddress::parse("[2001:db8::53]:5353", 53).value(),
                                HostUpstream{"resolver.example", 53}});
    REQUIRE(block.cache);
    CHECK(block.cache->success_ttl_max == 30);
    CHECK(block.cache->denial_ttl_max == 30);
    CHECK(block.health->addresses.size() == 1);
    CHECK(block.ready->addresses.size() == 2);
    CHECK(block.reload);
    CHECK(block.log->format == "{remote} {name} {rcode}");
    CHECK_FALSE(block.log->classes.success);
    CHECK(block.log->classes.denial);
    REQUIRE(file.warnings.size() == 3);
    CHECK(file.warnings[0].to_string() ==
          "Corefile:14:5: 'max_fails' of 'forward' has no effect here");
}

TEST_CASE("the environment is put in where it is named") {
    ::setenv("MESHGATE_TEST_PORT", "15999", 1);
    ::unsetenv("MESHGATE_TEST_NOTHING");
    const Corefile file =
        corefile::parse(".:{$MESHGATE_TEST_PORT} {\n forward . 127.0.0.1:{%MESHGATE_TEST_PORT%}"
                        "{$MESHGATE_TEST_NOTHING}\n}\n",
                        "Corefile");
    CHECK(file.blocks[0].keys[0].port == 15999);
    CHECK(file.blocks[0].forwards[0].upstreams ==
          std::vector<Upstream>{SocketAddress::parse("127.0.0.1:15999", 53).value()});
}
