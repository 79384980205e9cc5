#pragma once

#include "conf/config.h"
#include "netfilter/nftnl/sockets.h"
#include "src/meshgate-redirect/interfaces.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What clients behind an interface ([[redirect.network]]) send is redirected to an address of that
/// interface: the first of IPv4 (net/netfilter/nf_nat_redirect.c), for IPv6 one of the scope that
/// was asked. Whoever is to get it has to listen there, not on loopback only.
namespace meshgate::redirect {

/// As iptables and nft match names: "br-+" is all that begin with "br-".
bool matches_interface(std::string_view pattern, std::string_view name);

/// Where the kernel redirects to what arrives at that interface.
std::optional<conf::IpAddress> redirect_target(const std::string& interface, conf::Family family,
                                               const std::vector<InterfaceAddress>& addresses);

/// A line for each interface whose clients' DNS no address of dns.listen takes: what can be said
/// from the configuration, before anything runs.
std::vector<std::string> unheard_networks(const conf::Config& config,
                                          const std::vector<InterfaceAddress>& addresses);

struct Waiting {
    std::vector<netfilter::WaitingSocket> tcp;
    std::vector<netfilter::WaitingSocket> udp;
};

/// A line for each interface that is not there, has no address to redirect to, or at whose address
/// nobody waits for what is captured from it although somebody waits elsewhere.
std::vector<std::string> missing_network_listeners(const conf::Redirect& redirect,
                                                   const std::vector<InterfaceAddress>& addresses,
                                                   const Waiting& waiting);

}  // namespace meshgate::redirect
