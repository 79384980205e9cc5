#include "doctor_facts.h"

#include <algorithm>

namespace meshgate::redirect::test {
namespace {

using netfilter::WaitingSocket;

WaitingSocket waits(const char* at, conf::Port port, conf::Uid uid, std::uint32_t inode) {
    return {.address = ip_of(at), .port = port, .takes_ipv4 = true, .uid = uid, .inode = inode};
}

void add_processes(Facts& facts) {
    facts.processes = {{1, 0, "systemd", 0, {}},
                       {50, 1, "kuma-dp", 5678, {200}},
                       {51, 50, "envoy", 5678, {100, 101, 201}},
                       {60, 1, "meshgate-dns", 5678, {102, 103, 104, 202}},
                       {70, 1, "sshd", 0, {105}},
                       {80, 1, "nginx", 1000, {106}}};
}

}  // namespace

conf::IpAddress ip_of(const char* text) {
    return *conf::IpAddress::parse(text);
}

netfilter::OpenSocket open_socket(conf::Port port, conf::Uid uid, std::uint32_t inode) {
    netfilter::OpenSocket socket;
    socket.lport = port;
    socket.uid = uid;
    socket.inode = inode;
    return socket;
}

Facts healthy() {
    Facts facts;
    auto& redirect = facts.config.redirect;
    redirect.inbound.exclude_ports = {{22, 22}};
    redirect.dns.enabled = true;
    redirect.dns.capture = conf::DnsCaptureMode::all;
    redirect.dns.protocols = {conf::Protocol::udp, conf::Protocol::tcp};
    facts.sees_rules = facts.is_installed = facts.sees_sockets = true;
    facts.rules = netfilter::plan(facts.config, facts.host).ruleset;
    facts.summary = summarize(facts.rules);
    facts.addresses = {{"lo", ip_of("127.0.0.1")},
                       {"lo", ip_of("::1")},
                       {"eth0", ip_of("192.0.2.1")},
                       {"eth0", ip_of("2001:db8::1")}};
    facts.waiting.tcp = {waits("::", 15001, 5678, 100),  waits("::", 15006, 5678, 101),
                         waits("127.0.0.1", 15053, 0, 102), waits("::1", 15053, 0, 103),
                         waits("::", 22, 0, 105),         waits("::", 80, 1000, 106)};
    facts.waiting.udp = {waits("127.0.0.1", 15053, 0, 104), waits("::1", 15053, 0, 104)};
    facts.tcp = {open_socket(40000, 5678, 200)};
    facts.udp = {open_socket(15053, 0, 104), open_socket(40000, 5678, 202)};
    add_processes(facts);
    facts.settings = {{"net/ipv4/ip_forward", "0"}, {"net/ipv4/conf/eth0/route_localnet", "0"}};
    return facts;
}

std::vector<std::string> codes(const Facts& facts) {
    std::vector<std::string> list;
    for (const auto& one : check_all(facts)) {
        list.push_back(std::string{one.entry->code} + " " + std::string{word(one.severity)});
    }
    return list;
}

std::vector<std::string> details(const Facts& facts, std::string_view code) {
    for (const auto& one : check_all(facts)) {
        if (one.entry->code == code) return one.details;
    }
    return {};
}

}  // namespace meshgate::redirect::test
