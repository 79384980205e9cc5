#pragma once

#include "netfilter/plan/parts.h"

#include <vector>

/// The chains of the plan, each family of them where the iptables table of that name sits
/// (include/uapi/linux/netfilter_ipv4.h, enum nf_ip_hook_priorities).
namespace meshgate::netfilter {

/// Before conntrack looks a packet up (-200): the zone of a flow is chosen here.
inline constexpr int raw_priority = -300;
inline constexpr int mangle_priority = -150;
/// At equal priority the last registered chain runs first, and Docker and Istio sit at -100.
inline constexpr int redirect_priority = -105;
/// redirect.outbound.insert: no NAT chain of anybody can be before it, as -200 (conntrack) is
/// refused to them (net/netfilter/nf_tables_api.c). Filters and marks are no reason against it: all
/// NAT chains of a hook run where the first of them, the kernel's own, sits (-100), their
/// priorities being their order there (net/netfilter/nf_nat_core.c, nf_nat_register_fn).
inline constexpr int first_redirect_priority = -199;
/// Before the inbound chain wherever that is: who is behind an interface is captured as its client.
inline constexpr int network_priority = -106;
/// After every other DNAT: what Docker or firewalld translates elsewhere is not for this host.
inline constexpr int inbound_priority = -80;
/// redirect.inbound.insert: before theirs, which are at -100.
inline constexpr int first_inbound_priority = -105;

/// Once NAT has decided (at -100, see above), an address that is still a VIP leads nowhere.
inline constexpr int output_refusal_priority = 0;
inline constexpr int network_refusal_priority = -90;
/// Before Docker's masquerade and libvirt's, which are at 100.
inline constexpr int source_priority = 95;

/// UDP questions get a conntrack zone of their own, in the original direction only. The port pair
/// of a question may be that of another flow a moment ago, whose translation (or lack of one) it
/// would inherit; answers are looked up in zone 0, where they also are for everybody else. TCP
/// needs none: a SYN re-evaluates NAT, and the last ACK of a TIME_WAIT socket has no uid and would
/// leave its zone.
std::vector<Chain> dns_zone_chains(const Parts& parts);

/// TCP that conntrack takes for invalid passes by the translation and is answered by a reset.
std::vector<Chain> drop_invalid_chains(const Parts& parts);

/// What this machine sends.
std::vector<Chain> output_chains(const Parts& parts);

/// What clients behind an interface send through this machine.
std::vector<Chain> network_chains(const Parts& parts);

/// What others send to this machine.
std::vector<Chain> inbound_chains(Parts& parts);

/// Where VIPs that the kernel translates go: a chain for each way to draw a slot.
std::vector<Chain> vip_chains(const Parts& parts);

/// Sends on what goes to a VIP: `from` says whose, and those of one family only if it says one. What
/// has no endpoint is decided as well: no rule after these is about it.
std::vector<Rule> vip_rules(const Parts& parts, const std::vector<Match>& from = {},
                            std::optional<Family> family = std::nullopt);

/// The same of port 53 where services have it, before the DNS capture would take it: who asks the
/// address of a name server of the mesh means that one. A UDP question to it has the zone of those
/// that are captured, which is as good for any other translation.
std::vector<Rule> vip_dns_rules(const Parts& parts, const std::vector<Match>& from = {},
                                std::optional<Family> family = std::nullopt);

/// VIPs that were not translated are refused at once: they must not go to the default gateway.
std::vector<Chain> vip_refusal_chains(const Parts& parts);

/// Sources, where answers would not come back through here: of clients in the endpoint's own
/// network, and of this machine where the source was chosen for the way to the VIP.
std::vector<Chain> vip_source_chains(const Parts& parts);

/// The exempt users' DNS: before the capture, or their questions come back to themselves, and
/// before the self-call, or the proxy's TCP/53 to a local resolver ends in its own inbound port.
std::vector<Rule> exempt_dns_rules(const Parts& parts);

}  // namespace meshgate::netfilter
