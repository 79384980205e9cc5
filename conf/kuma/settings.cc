#include "conf/kuma/settings.h"

#include "conf/contradictions.h"

#include <algorithm>
#include <array>

namespace meshgate::conf::kuma {
namespace {

using Values = std::span<const Value>;
using Kind = Setting::Kind;

constexpr std::string_view log_prefix = "meshgate: ";

bool toggle(Values values) {
    return parse_toggle(values.back());
}

/// All values of a list in one vector; `parse` gives the elements of each.
template <class Element>
std::vector<Element> all(Values values, std::vector<Element> (*parse)(const Value&)) {
    std::vector<Element> elements;
    for (const Value& value : values) {
        auto more = parse(value);
        elements.insert(elements.end(), std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
    }
    return elements;
}

void set_exclusions(Wishes& to, Values values) {
    auto& exclude = to.config.redirect.outbound.exclude;
    exclude.clear();
    std::ranges::transform(values, std::back_inserter(exclude), parse_exclusion);
}

/// A chain of Kuma's rules that no packet reaches by user: its rule exempts everybody.
void refuse_inbound_users(Wishes&, Values values) {
    if (values.empty()) return;
    refuse(values.front(), "who sends what comes from outside cannot be known: exclude ports or "
                           "addresses");
}

/// Several networks behind one interface are one entry.
void set_networks(Wishes& to, Values values) {
    auto& networks = to.config.redirect.networks;
    networks.clear();
    for (const Value& value : values) {
        auto network = parse_network(value);
        const auto known = std::ranges::find(networks, network.interface, &Network::interface);
        if (known == networks.end()) {
            networks.push_back(std::move(network));
        } else if (std::ranges::find(known->cidrs, network.cidrs[0]) == known->cidrs.end()) {
            known->cidrs.push_back(network.cidrs[0]);
        }
    }
}

void set_capture_all(Wishes& to, Values values) {
    to.config.redirect.dns.capture =
        toggle(values) ? DnsCaptureMode::all : DnsCaptureMode::resolv_conf;
}

/// The flag means both: that DNS is captured, and that all of it is.
void redirect_all_dns(Wishes& to, Values values) {
    if (toggle(values)) to.config.redirect.dns.enabled = true;
    set_capture_all(to, values);
}

void skip_zone(Wishes& to, Values values) {
    auto& zone = to.config.redirect.dns.conntrack_zone;
    if (toggle(values)) {
        zone = 0;
    } else if (zone == 0) {
        zone = DnsCapture{}.conntrack_zone;
    }
}

void set_logging(Wishes& to, Values values) {
    auto& prefix = to.config.redirect.log_prefix;
    if (!toggle(values)) {
        prefix.clear();
    } else if (prefix.empty()) {
        prefix = log_prefix;
    }
}

void set_user(Wishes& to, Values values) {
    to.config.proxy.user = {parse_user(values.back())};
}

/// What inbound and outbound have alike.
template <auto Direction>
struct Of {
    static auto& of(Wishes& to) { return to.config.redirect.*Direction; }
    static void enabled(Wishes& to, Values values) { of(to).enabled = toggle(values); }
    static void port(Wishes& to, Values values) { of(to).port = parse_port(values.back()); }
    static void include(Wishes& to, Values values) {
        of(to).include_ports = all(values, parse_ports);
    }
    static void exclude(Wishes& to, Values values) {
        of(to).exclude_ports = all(values, parse_ports);
    }
    static void insert(Wishes& to, Values values) { of(to).insert = toggle(values); }
};
using In = Of<&Redirect::inbound>;
using Out = Of<&Redirect::outbound>;

void set_family(Wishes& to, Values values) {
    to.config.redirect.ip_family = parse_family(values.back());
}
void set_drop_invalid(Wishes& to, Values values) {
    to.config.redirect.drop_invalid = toggle(values);
}
void set_sources(Wishes& to, Values values) {
    to.config.redirect.inbound.exclude_sources = all(values, parse_networks);
}
void set_destinations(Wishes& to, Values values) {
    to.config.redirect.outbound.exclude_destinations = all(values, parse_networks);
}
void set_dns(Wishes& to, Values values) {
    to.config.redirect.dns.enabled = toggle(values);
}
void set_dns_port(Wishes& to, Values values) {
    to.config.redirect.dns.port = parse_port(values.back());
}
void set_resolv_conf(Wishes& to, Values values) {
    to.config.resolv_conf = values.back().text;
}
void set_store_firewalld(Wishes& to, Values values) {
    to.store_firewalld = toggle(values);
}
void set_verbose(Wishes& to, Values values) {
    to.verbose = toggle(values);
}
void set_dry_run(Wishes& to, Values values) {
    to.dry_run = toggle(values);
}

void refuse_ebpf(Wishes&, Values values) {
    if (toggle(values)) refuse(values.back(), "there is no eBPF mode: leave it out");
}

constexpr Setting known[] = {
    {"kumaDPUser", "KUMA_DP_USER", "kuma-dp-user", Kind::one, set_user},
    {"ipFamilyMode", "IP_FAMILY_MODE", "ip-family-mode", Kind::one, set_family},
    {"dropInvalidPackets", "DROP_INVALID_PACKETS", "drop-invalid-packets", Kind::toggle,
     set_drop_invalid},
    {"redirect.inbound.enabled", "REDIRECT_INBOUND_ENABLED", "redirect-inbound", Kind::toggle,
     In::enabled},
    {"redirect.inbound.port", "REDIRECT_INBOUND_PORT", "redirect-inbound-port", Kind::one,
     In::port},
    {"redirect.inbound.includePorts", "REDIRECT_INBOUND_INCLUDE_PORTS", "", Kind::list,
     In::include},
    {"redirect.inbound.excludePorts", "REDIRECT_INBOUND_EXCLUDE_PORTS", "exclude-inbound-ports",
     Kind::list, In::exclude},
    {"redirect.inbound.excludePortsForUIDs", "REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_UIDS", "",
     Kind::exclusions, refuse_inbound_users},
    {"redirect.inbound.excludePortsForIPs", "REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_IPS",
     "exclude-inbound-ips", Kind::list, set_sources},
    {"redirect.inbound.insertRedirectInsteadOfAppend",
     "REDIRECT_INBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND",
     "redirect-inbound-insert-instead-of-append", Kind::toggle, In::insert},
    {"redirect.outbound.enabled", "REDIRECT_OUTBOUND_ENABLED", "", Kind::toggle, Out::enabled},
    {"redirect.outbound.port", "REDIRECT_OUTBOUND_PORT", "redirect-outbound-port", Kind::one,
     Out::port},
    {"redirect.outbound.includePorts", "REDIRECT_OUTBOUND_INCLUDE_PORTS", "", Kind::list,
     Out::include},
    {"redirect.outbound.excludePorts", "REDIRECT_OUTBOUND_EXCLUDE_PORTS", "exclude-outbound-ports",
     Kind::list, Out::exclude},
    {"redirect.outbound.excludePortsForUIDs", "REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_UIDS",
     "exclude-outbound-ports-for-uids", Kind::exclusions, set_exclusions},
    {"redirect.outbound.excludePortsForIPs", "REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_IPS",
     "exclude-outbound-ips", Kind::list, set_destinations},
    {"redirect.outbound.insertRedirectInsteadOfAppend",
     "REDIRECT_OUTBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND",
     "redirect-outbound-insert-instead-of-append", Kind::toggle, Out::insert},
    {"redirect.dns.enabled", "REDIRECT_DNS_ENABLED", "redirect-dns", Kind::toggle, set_dns},
    {"redirect.dns.captureAll", "REDIRECT_DNS_CAPTURE_ALL", "", Kind::toggle, set_capture_all},
    {"", "", "redirect-all-dns-traffic", Kind::toggle, redirect_all_dns},
    {"redirect.dns.port", "REDIRECT_DNS_PORT", "redirect-dns-port", Kind::one, set_dns_port},
    {"redirect.dns.skipConntrackZoneSplit", "REDIRECT_DNS_SKIP_CONNTRACK_ZONE_SPLIT",
     "skip-dns-conntrack-zone-split", Kind::toggle, skip_zone},
    {"redirect.dns.resolvConfigPath", "REDIRECT_DNS_RESOLV_CONFIG_PATH", "", Kind::one,
     set_resolv_conf},
    {"redirect.vnet.networks", "REDIRECT_VNET_NETWORKS", "vnet", Kind::list, set_networks},
    {"log.enabled", "LOG_ENABLED", "iptables-logs", Kind::toggle, set_logging},
    {"storeFirewalld", "STORE_FIREWALLD", "store-firewalld", Kind::toggle, set_store_firewalld},
    {"verbose", "VERBOSE", "", Kind::toggle, set_verbose},
    {"dryRun", "DRY_RUN", "", Kind::toggle, set_dry_run},
    // iptables' own: another program's locks, retries and comments.
    {"comments.disabled", "COMMENTS_DISABLED", "disable-comments", Kind::toggle},
    {"wait", "WAIT", "wait", Kind::one},
    {"waitInterval", "WAIT_INTERVAL", "wait-interval", Kind::one},
    {"retry.maxRetries", "RETRY_MAX_RETRIES", "max-retries", Kind::one},
    {"retry.sleepBetweenRetries", "RETRY_SLEEP_BETWEEN_RETRIES", "sleep-between-retries",
     Kind::one},
    {"", "IPTABLES_EXECUTABLES", "iptables-executables", Kind::list},
    {"iptablesExecutables.iptables", "", "", Kind::one},
    {"iptablesExecutables.iptables-save", "", "", Kind::one},
    {"iptablesExecutables.iptables-restore", "", "", Kind::one},
    {"iptablesExecutables.ip6tables", "", "", Kind::one},
    {"iptablesExecutables.ip6tables-save", "", "", Kind::one},
    {"iptablesExecutables.ip6tables-restore", "", "", Kind::one},
    // Until 2.14.
    {"ebpf.enabled", "EBPF_ENABLED", "ebpf-enabled", Kind::toggle, refuse_ebpf},
    {"ebpf.instanceIP", "EBPF_INSTANCE_IP", "ebpf-instance-ip", Kind::one},
    {"ebpf.bpffsPath", "EBPF_BPFFS_PATH", "ebpf-bpffs-path", Kind::one},
    {"ebpf.cgroupPath", "EBPF_CGROUP_PATH", "ebpf-cgroup-path", Kind::one},
    {"ebpf.tcAttachIface", "EBPF_TC_ATTACH_IFACE", "ebpf-tc-attach-iface", Kind::one},
    {"ebpf.programsSourcePath", "EBPF_PROGRAMS_SOURCE_PATH", "ebpf-programs-source-path",
     Kind::one},
    {"cniMode", "CNI_MODE", "", Kind::toggle},
    {"log.level", "LOG_LEVEL", "", Kind::one},
    {"", "REDIRECT_INBOUND_CHAIN_NAME", "", Kind::one},
    {"", "REDIRECT_INBOUND_REDIRECT_CHAIN_NAME", "", Kind::one},
    {"", "REDIRECT_OUTBOUND_CHAIN_NAME", "", Kind::one},
    {"", "REDIRECT_OUTBOUND_REDIRECT_CHAIN_NAME", "", Kind::one},
};

/// "redirect.inbound.excludePorts" is redirect.inbound.exclude_ports.
std::string our_key(std::string_view key) {
    std::string ours;
    for (const char c : key) {
        if (c >= 'A' && c <= 'Z') ours += '_';
        ours += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return ours;
}

}  // namespace

std::span<const Setting> settings() {
    return known;
}

std::vector<Diagnostic> contradictions(const Wishes& wishes) {
    std::vector<Diagnostic> found;
    for (auto& [key, diagnostic] : find_contradictions(wishes.config)) {
        const auto place = wishes.places.find(key);
        if (place != wishes.places.end() && diagnostic.where.file.empty()) {
            diagnostic.where = place->second;
        }
        found.push_back(std::move(diagnostic));
    }
    return found;
}

std::vector<Value> divided_values(const Setting& setting, const Value& text) {
    if (setting.kind == Kind::list) return divide_list(text);
    if (setting.kind == Kind::exclusions) return divide_exclusions(text);
    return {text};
}

void apply(const Setting& setting, std::string_view name, std::span<const Value> values,
           Wishes& to) {
    if (setting.apply != nullptr) {
        setting.apply(to, values);
        if (!values.empty()) to.places[our_key(setting.key)] = values.back().where;
    } else if (std::ranges::find(to.ignored, name) == to.ignored.end()) {
        to.ignored.emplace_back(name);
    }
}

}  // namespace meshgate::conf::kuma
