#include "src/meshgate-redirect/doctor/checks.h"

#include "src/meshgate-redirect/kernel_address.h"

#include <algorithm>
#include <iterator>

namespace meshgate::redirect {
namespace {

using conf::Family;
using conf::IpAddress;
using conf::Protocol;
using netfilter::WaitingSocket;

std::string port_words(Protocol protocol, conf::Port port) {
    return (protocol == Protocol::tcp ? "TCP port " : "UDP port ") + std::to_string(port);
}

class Search {
public:
    Search(const Facts& facts, Findings& findings) : facts_(facts), findings_(findings) {
        for (const Family family : facts.summary.families) {
            if (family == Family::ipv4 || facts.has_ipv6) families_.push_back(family);
        }
    }

    void run() {
        const auto& summary = facts_.summary;
        if (summary.inbound) look(Protocol::tcp, *summary.inbound, "inbound", outer_addresses());
        if (summary.outbound) {
            look(Protocol::tcp, *summary.outbound, "outbound", inner_addresses());
        }
        if (summary.dns) {
            for (const Protocol protocol : summary.dns->protocols) {
                look(protocol, summary.dns->port, "DNS", inner_addresses());
            }
        }
        // Before an install nothing is sent there yet.
        const auto severity = facts_.is_installed ? Severity::error : Severity::warning;
        if (!nobody_.empty()) findings_.push_back(finding("MG401", std::move(nobody_), severity));
        if (!elsewhere_.empty()) {
            findings_.push_back(finding("MG402", std::move(elsewhere_), severity));
        }
    }

private:
    /// What this machine sends is redirected there.
    [[nodiscard]] std::vector<IpAddress> inner_addresses() const {
        std::vector<IpAddress> list;
        std::ranges::transform(families_, std::back_inserter(list), localhost);
        return list;
    }

    /// What arrives is redirected to an address of where it arrives.
    [[nodiscard]] std::vector<IpAddress> outer_addresses() const {
        std::vector<IpAddress> list;
        for (const auto& [interface, address] : facts_.addresses) {
            const bool counts = std::ranges::find(families_, address.family()) != families_.end();
            if (counts && !address.is_loopback() && !address.is_link_local() && interface != "lo") {
                list.push_back(address);
            }
        }
        return list;
    }

    void look(Protocol protocol, conf::Port port, const std::string& what,
              const std::vector<IpAddress>& wanted) {
        std::vector<const WaitingSocket*> there;
        for (const auto& socket :
             protocol == Protocol::tcp ? facts_.waiting.tcp : facts_.waiting.udp) {
            if (socket.port == port) there.push_back(&socket);
        }
        const auto words = port_words(protocol, port) + " (" + what + ")";
        if (there.empty()) {
            nobody_.push_back(words);
            return;
        }
        for (const auto& address : wanted) {
            const bool heard =
                std::ranges::any_of(there, [&](const auto* one) { return one->waits_at(address); });
            if (!heard) elsewhere_.push_back(words + ": not at " + address.to_string() + hint());
        }
    }

    [[nodiscard]] std::string hint() const {
        return facts_.setting("net/ipv6/bindv6only") == "1"
                   ? "; net.ipv6.bindv6only is 1: [::] does not take IPv4"
                   : "";
    }

    const Facts& facts_;
    Findings& findings_;
    std::vector<Family> families_;
    std::vector<std::string> nobody_, elsewhere_;
};

}  // namespace

void check_listeners(const Facts& facts, Findings& findings) {
    if (!facts.sees_sockets) return;
    Search{facts, findings}.run();
    auto unheard =
        missing_network_listeners(facts.config.redirect, facts.addresses, facts.waiting);
    if (!unheard.empty()) findings.push_back(finding("MG403", std::move(unheard)));
}

}  // namespace meshgate::redirect
