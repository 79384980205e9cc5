#include "src/meshgate-redirect/status_report.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;
using namespace meshgate::redirect;
using netfilter::Summary;

namespace {

StatusReport installed() {
    return {State::installed,
            "0.1.0",
            "iptables",
            "00ff",
            {{conf::Family::ipv4, conf::Family::ipv6},
             15006,
             15001,
             Summary::Dns{15053, conf::DnsCaptureMode::all, {conf::Protocol::udp}}},
            {},
            {},
            {{"captured_outbound", 3, 180}, {"loop_prevented", 0, 0}}};
}

}  // namespace

TEST_CASE("the JSON of a status has every key, and null for what is off") {
    CHECK(to_json(installed()) ==
          R"({"schema":"meshgate-redirect.status/1","state":"installed","version":"0.1.0",)"
          R"("engine":"iptables","digest":"00ff","families":["ipv4","ipv6"],"inbound":15006,)"
          R"("outbound":15001,"dns":{"port":15053,"capture":"all","protocols":["udp"]},)"
          R"("confirm":null,"held_by":null,"problems":[],"counters":{"captured_outbound":{"packets":3,"bytes":180},)"
          R"("loop_prevented":{"packets":0,"bytes":0}},"vips":[],"vips_left_out":0})"
          "\n");
    CHECK(to_json({}) ==
          R"({"schema":"meshgate-redirect.status/1","state":"absent","version":"",)"
          R"("engine":"nftables","digest":"","families":[],"inbound":null,"outbound":null,)"
          R"("dns":null,"confirm":null,"held_by":null,"problems":[],"counters":{},"vips":[],"vips_left_out":0})"
          "\n");
}

TEST_CASE("problems are told in both forms, whatever bytes are in them") {
    auto report = installed();
    report.state = State::differs;
    report.problems = {"a \"quoted\" one", "an\x1b escape"};
    const auto json = to_json(report);
    CHECK(json.find(R"("problems":["a \"quoted\" one","an\u001b escape"])") != json.npos);
    const auto text = to_text(report);
    CHECK(text.starts_with("state:    differs\n"));
    CHECK(text.find("counted:  captured_outbound 3 (180 bytes)\n") != text.npos);
    CHECK(text.ends_with("problem:  a \"quoted\" one\nproblem:  an\\x1b escape\n"));
}

TEST_CASE("who holds the rules is told in both forms, seen or not") {
    auto report = installed();
    report.holder = Holder{.process = 4711, .has_socket = true};
    CHECK(to_json(report).find(R"("held_by":{"process":4711})") != std::string::npos);
    CHECK(to_text(report).find("held:     by the guard (process 4711)") != std::string::npos);
    report.holder = Holder{};
    CHECK(to_json(report).find(R"("held_by":{"process":null})") != std::string::npos);
    CHECK(to_text(report).find("cannot be seen from here") != std::string::npos);
}

TEST_CASE("the socket of a netlink port is found in the kernel's table, or passed over") {
    const std::string table =
        "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
        "0000000000000000 0   4711       00000000 0        0        0     2        0        11\n"
        "0000000000000000 12  4711       00000000 0        0        0     2        0        12\n"
        "0000000000000000 12  3294967295 00000004 0        0        0     2        0        13\n"
        "0000000000000000 12  9\nnonsense\n";
    CHECK(inode_of_port(table, 4711) == 12);
    CHECK(inode_of_port(table, 3294967295) == 13);
    CHECK(inode_of_port(table, 9) == 0);
    CHECK(inode_of_port(table, 1) == 0);
    CHECK(inode_of_port("", 1) == 0);
}

TEST_CASE("what is to be confirmed yet is told in both forms, and zero seconds when it is late") {
    auto report = installed();
    report.pending = Pending{.id = "", .until = std::chrono::milliseconds{1}, .spared = 22};
    const auto json = to_json(report);
    CHECK(json.find(R"("confirm":{"seconds_left":0,"port":22})") != json.npos);
    const auto text = to_text(report);
    CHECK(text.find("confirm:  within 0 s (meshgate-redirect confirm)") != text.npos);
    CHECK(text.find("port 22 is spared") != text.npos);
}

TEST_CASE("what is absent has a state and nothing else") {
    CHECK(to_text({}) == "state:    absent\n");
}
