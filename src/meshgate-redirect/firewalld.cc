#include "src/meshgate-redirect/firewalld.h"

#include "netfilter/nftnl/kernel.h"
#include "src/common/trimmed.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <iterator>

namespace meshgate::redirect {
namespace {

constexpr const char* firewalld_conf = "/etc/firewalld/firewalld.conf";

bool captures_ipv6(const conf::Redirect& redirect) {
    return redirect.ip_family != conf::IpFamilyMode::ipv4 &&
           (redirect.outbound.enabled || redirect.dns.enabled);
}

bool has_firewalld_table() {
    try {
        return netfilter::Kernel{}.read("firewalld").has_value();
    } catch (const std::exception&) {  // no nf_tables, so none with tables there
        return false;
    }
}

}  // namespace

bool rejects_ipv4_in_ipv6(std::string_view text) {
    bool rejects = true;
    while (!text.empty()) {
        const auto line = trimmed(text.substr(0, text.find('\n')));
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
        const auto equals = line.find('=');
        if (equals == line.npos || trimmed(line.substr(0, equals)) != "RFC3964_IPv4") continue;
        const auto value = trimmed(line.substr(equals + 1));
        rejects = value != "no" && value != "false";
    }
    return rejects;
}

std::optional<std::string> firewalld_warning(const conf::Redirect& redirect) {
    if (!captures_ipv6(redirect) || !has_firewalld_table()) return std::nullopt;
    std::ifstream in{firewalld_conf};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (!rejects_ipv4_in_ipv6(text)) return std::nullopt;
    return "firewalld rejects captured IPv6 connections: they go to ::1, which its RFC3964_IPv4 "
           "forbids. Set RFC3964_IPv4=no in " +
           std::string{firewalld_conf} + " and run firewall-cmd --reload";
}

}  // namespace meshgate::redirect
