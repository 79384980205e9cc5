#include "src/meshgate-redirect/doctor/finding.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace meshgate::redirect {
namespace {

// Also in contrib/man/meshgate-redirect.8.scd, in the same order.
constexpr std::array entries{
    Entry{"MG101", Severity::notice, "nothing is installed", "no traffic is captured",
          "meshgate-redirect install"},
    Entry{"MG102", Severity::error, "the rules were changed since they were installed",
          "packets go where nobody planned", "see 'diff', then install again"},
    Entry{"MG103", Severity::warning, "the rules are not those of the configuration",
          "the file was changed since, or install was given options that it does not have",
          "install again, or put the options into the file"},
    Entry{"MG104", Severity::error, "a table inet meshgate is there that this program did not make",
          "nothing is captured, and install refuses",
          "nft delete table inet meshgate, if nobody needs it"},
    Entry{"MG105", Severity::error, "the kernel lacks something", "see each line",
          "a kernel that has it, or a configuration that does not need it"},
    Entry{"MG106", Severity::warning, "the kernel has no conntrack zones",
          "a DNS query over UDP is lost, or leaves uncaptured, when its port was just used by the "
          "resolver for the same server",
          "a kernel with CONFIG_NF_CONNTRACK_ZONES; clients ask again"},
    Entry{"MG107", Severity::error, "our rules are not where they should be",
          "an install was interrupted, or the rules of others moved ours", "install again"},
    Entry{"MG108", Severity::error, "addresses or routes of ours are missing",
          "connections to virtual addresses, or IPv6 connections to the application, fail",
          "install again"},
    Entry{"MG109", Severity::notice, "an uninstall waits for connections to end",
          "new connections go direct, open ones still through the proxy",
          "wait, or run uninstall again to end it"},
    Entry{"MG110", Severity::notice, "this was assumed of the machine", "see each line",
          "correct it in the configuration if it is wrong"},
    Entry{"MG111", Severity::warning, "a guard is meant to run, and none does",
          "what others do to the rules is not repaired, and the machine is not followed",
          "systemctl start meshgate-guard; journalctl -u meshgate-guard says why it ended"},
    Entry{"MG112", Severity::notice, "a guard keeps the rules",
          "install, uninstall and confirm go through it; what others change, it repairs",
          "nothing; systemctl stop meshgate-guard ends it and leaves the rules"},
    Entry{"MG113", Severity::warning, "the guard keeps the rules of another configuration",
          "it puts those back, whatever this one says",
          "meshgate-redirect install with this configuration tells the guard, too"},
    Entry{"MG114", Severity::error, "somebody damages the rules again and again, and the guard backs off",
          "between a damage and its repair, up to a minute, packets go elsewhere",
          "have that program leave them alone: nftables.service, a script, a second installer"},
    Entry{"MG115", Severity::error, "the guard cannot keep the rules as they are meant to be",
          "see each line", "its log says more: journalctl -u meshgate-guard"},
    Entry{"MG201", Severity::warning, "rules of others translate before ours",
          "what they redirect is never captured",
          "see with 'explain' and 'nft list ruleset' what they take, or set [redirect.outbound] "
          "insert = true to be before them"},
    Entry{"MG202", Severity::warning, "both iptables-nft and iptables-legacy have rules",
          "each is blind to the other's, and packets meet both",
          "move the rules to one of them: iptables-legacy-save, iptables-nft-restore"},
    Entry{"MG203", Severity::error, "the capture of another mesh is installed",
          "two captures redirect each other's connections",
          "meshgate-redirect install --replace, or take it away"},
    Entry{"MG204", Severity::warning, "firewalld's direct.xml has the capture of another mesh",
          "it comes back when firewalld starts or reloads",
          "meshgate-redirect install --replace takes it out"},
    Entry{"MG205", Severity::notice, "kumactl left copies of files and rules",
          "kumactl uninstall would write the one of resolv.conf over /etc/resolv.conf",
          "remove them, if nobody reads them"},
    Entry{"MG206", Severity::error, "firewalld rejects captured IPv6 connections",
          "they go to ::1, which its RFC3964_IPv4 forbids",
          "RFC3964_IPv4=no in /etc/firewalld/firewalld.conf, then firewall-cmd --reload"},
    Entry{"MG301", Severity::warning, "conntrack is nearly full",
          "when it is full, new connections and DNS queries are dropped",
          "raise net.netfilter.nf_conntrack_max, or find who opens so many"},
    Entry{"MG302", Severity::warning, "conntrack could not insert connections",
          "their first packet was dropped: two DNS queries at once from one socket do it, and "
          "cost 5 seconds each",
          "options single-request-reopen in resolv.conf, or queries over TCP"},
    Entry{"MG303", Severity::error, "conntrack dropped connections because it was full",
          "new connections and DNS queries were lost",
          "raise net.netfilter.nf_conntrack_max, or find who opens so many"},
    Entry{"MG401", Severity::error, "nobody listens where captured traffic goes",
          "all of it is refused, also what uses no mesh",
          "start the proxy or meshgate-dns, or uninstall until it can run"},
    Entry{"MG402", Severity::error, "the listener is not at the address where captured traffic arrives",
          "that part of it is refused: what this machine sends arrives at 127.0.0.1 and ::1, what "
          "others send at the address of the interface",
          "have it listen at 0.0.0.0 and [::] for inbound, at 127.0.0.1 and [::1] for the rest"},
    Entry{"MG403", Severity::error, "clients of an interface cannot reach the listener",
          "what is captured from them is refused or dropped",
          "have the proxy and [dns] listen at the interface's address"},
    Entry{"MG404", Severity::error, "a virtual address has no endpoint",
          "connections to it are refused at once",
          "bring its endpoints up, or name them in [[service]] endpoints; 'status' shows them"},
    Entry{"MG405", Severity::warning, "endpoints of a virtual address are taken out",
          "new connections go to the others, whose share is larger",
          "see why they do not answer; a guard puts them back when they do"},
    Entry{"MG501", Severity::warning, "the proxy's user does not exist",
          "a proxy started as somebody else is captured itself",
          "create it (useradd -r kuma-dp), or set [proxy] user"},
    Entry{"MG502", Severity::warning, "root is exempt", "nothing that root's programs send is captured",
          "give the exempt program a user of its own"},
    Entry{"MG503", Severity::warning, "applications run as a user that is left alone",
          "nothing of what they send is captured", "run them as another user"},
    Entry{"MG504", Severity::error, "sockets of the proxy or resolver belong to a user that is captured",
          "a socket belongs to who created it, whatever its process became later: what it sends "
          "comes back to the process, for ever",
          "start the program as its user, instead of as root that changes later"},
    Entry{"MG505", Severity::error, "the proxy or resolver runs as a user that is captured",
          "all that it sends comes back to itself",
          "run it as the user in [proxy] user, or name its user there or in exempt_users"},
    Entry{"MG601", Severity::notice, "IPv6 is off",
          "its rules are loaded for when it comes back; nothing is captured or leaves meanwhile",
          "nothing, or net.ipv6.conf.all.disable_ipv6=0"},
    Entry{"MG602", Severity::warning, "route_localnet is on",
          "neighbours on that network reach what listens at 127.0.0.1, the proxy's ports too",
          "net.ipv4.conf.INTERFACE.route_localnet=0; no rule of ours needs it"},
    Entry{"MG603", Severity::error, "the kernel drops what clients of an interface send",
          "rp_filter is strict there and their answers would leave by another interface",
          "correct the route to them, or net.ipv4.conf.INTERFACE.rp_filter=2"},
    Entry{"MG604", Severity::warning, "this machine does not forward",
          "what is not captured from the clients of an interface ends here",
          "net.ipv4.ip_forward=1, net.ipv6.conf.all.forwarding=1"},
    Entry{"MG605", Severity::notice, "the kernel logs nothing in this network namespace",
          "log_prefix has no effect", "net.netfilter.nf_log_all_netns=1 on the host"},
    Entry{"MG606", Severity::error, "the loopback device is down", "redirected traffic goes there, and ends",
          "ip link set lo up"},
    Entry{"MG701", Severity::warning, "the port of SSH is captured",
          "if the proxy is down, or does not know the port, nobody gets in any more",
          "add it to [redirect.inbound] exclude_ports and install again"},
    Entry{"MG801", Severity::error, "a probe went another way than planned", "see the probes",
          "'explain' says what should have been, 'explain --trace' what is"},
};

}  // namespace

std::span<const Entry> catalogue() {
    return entries;
}

Finding finding(std::string_view code, std::vector<std::string> details,
                std::optional<Severity> severity) {
    const auto* const entry = std::ranges::find(entries, code, &Entry::code);
    if (entry == entries.end()) throw std::out_of_range("no finding " + std::string{code});
    return {entry, severity.value_or(entry->severity), std::move(details)};
}

std::string_view word(Severity severity) noexcept {
    switch (severity) {
    case Severity::error:
        return "error";
    case Severity::warning:
        return "warning";
    case Severity::notice:
        return "notice";
    }
    return "error";
}

}  // namespace meshgate::redirect
