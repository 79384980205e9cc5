#include "netfilter/iptables/other_mesh.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate::netfilter;

namespace {

const OtherMesh& mesh(std::string_view name) {
    return *std::ranges::find(other_meshes(), name, &OtherMesh::name);
}

std::vector<std::string> taken(std::string_view name, const std::string& text) {
    std::vector<std::string> lines;
    for (const auto& table : rules_of(mesh(name), text)) {
        for (const auto& chain : table.chains) lines.push_back(table.table + " :" + chain);
        for (const auto& jump : table.jumps) {
            lines.push_back(table.table + " " + jump.chain + " " + jump.spec);
        }
    }
    return lines;
}

using Lines = std::vector<std::string>;
const std::string chain = "*nat\n:KUMA_MESH_INBOUND - [0:0]\n-A KUMA_MESH_INBOUND -p tcp -j "
                          "REDIRECT --to-ports 15006\n";

}  // namespace

TEST_CASE("what leads to a chain of theirs, or has their comment, is theirs") {
    const std::string rules = "-A PREROUTING -p tcp -j KUMA_MESH_INBOUND\n"
                              "-A FORWARD -g KUMA_MESH_INBOUND\n"
                              "-A OUTPUT -m comment --comment \"kuma/mesh/transparent/proxy/x y\" "
                              "-j RETURN\n"
                              "-A OUTPUT -m comment --comment \"see kuma/mesh/transparent/proxy/\" "
                              "-j RETURN\n"
                              "-A OUTPUT -m comment --comment \"-j KUMA_MESH_INBOUND\" -j ACCEPT\n";
    CHECK(taken("Kuma", chain + rules + "COMMIT\n") ==
          Lines{"nat :KUMA_MESH_INBOUND", "nat PREROUTING -p tcp -j KUMA_MESH_INBOUND",
                "nat FORWARD -g KUMA_MESH_INBOUND",
                "nat OUTPUT -m comment --comment \"kuma/mesh/transparent/proxy/x y\" -j RETURN"});
    CHECK(taken("Istio", chain + rules).empty());
    CHECK(taken("Linkerd", chain + rules).empty());
    CHECK(taken("Kuma", "").empty());
}

TEST_CASE(
    "where they write no comments, it goes by what a rule does, and only beside their chains") {
    struct Row {
        const char* table;
        const char* rule;
        bool is_taken;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"raw", "OUTPUT -p udp -m udp --dport 53 -j CT --zone 2", true},
             {"raw", "OUTPUT -p udp -m udp --sport 15053 -m owner --uid-owner 1 -j CT --zone 2",
              true},
             {"raw", "OUTPUT -p udp -m udp --dport 53 -j CT --zone 3", false},
             {"raw", "OUTPUT -p tcp -m tcp --dport 53 -j CT --zone 1", false},
             {"raw", "OUTPUT -p udp -m udp --dport 53 -j CT --notrack", false},
             {"nat", "OUTPUT -p udp -m udp --dport 53 -j REDIRECT --to-ports 5", true},
             {"nat", "PREROUTING -i docker0 -p tcp -j REDIRECT --to-ports 15006", true},
             {"nat", "PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080", false},
             {"nat", "OUTPUT -p udp -m udp --dport 53 -m owner --uid-owner 1 -j RETURN", true},
             {"nat", "OUTPUT -p udp -m udp --dport 53 -j RETURN", false},
             {"nat", "PREROUTING -p udp -m udp --dport 53 -m owner --uid-owner 1 -j RETURN", false},
             {"nat", "OUTPUT -d 10.0.0.0/8 -j RETURN", false},
             {"mangle", "PREROUTING -m conntrack --ctstate INVALID -j DROP", false},
         }) {
        CAPTURE(row.rule);
        const std::string table{row.table};
        const auto rule =
            (table == "nat" ? "" : "COMMIT\n*" + table + "\n") + "-A " + row.rule + "\n";
        CHECK(taken("Kuma", chain + rule + "COMMIT\n").size() == (row.is_taken ? 2U : 1U));
        CHECK(taken("Kuma", "*" + table + "\n-A " + row.rule + "\n").empty());
        // With comments, theirs are known by them.
        CHECK(taken("Kuma", chain +
                                "-A KUMA_MESH_INBOUND -m comment --comment "
                                "\"kuma/mesh/transparent/proxy/x\" -j RETURN\n" +
                                rule)
                  .size() == 1);
    }
}
