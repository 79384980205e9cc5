#pragma once

#include "conf/address.h"
#include "conf/location.h"
#include "conf/mesh_names.h"
#include "conf/ranges.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// meshgate.toml as plain structs: what both programs read, with kumactl's defaults. Nothing here
/// does I/O; reading is conf/load.h.
namespace meshgate::conf {

/// Users as written: numbers need no passwd entry, names are looked up by the program that uses
/// them.
struct UserRef {
    std::variant<UidRange, std::string> who;
    Location where;

    friend bool operator==(const UserRef&, const UserRef&) noexcept = default;
};

/// Groups as written, in the same way.
struct GroupRef {
    std::variant<GidRange, std::string> who;
    Location where;

    friend bool operator==(const GroupRef&, const GroupRef&) noexcept = default;
};

enum class IpFamilyMode : std::uint8_t { dualstack, ipv4, ipv6 };
enum class Engine : std::uint8_t { automatic, nftables, iptables };
enum class IptablesBackend : std::uint8_t { automatic, nft, legacy };
/// What becomes of captured DNS while nobody answers it.
enum class OnResolverDown : std::uint8_t { closed, open };
enum class DnsCaptureMode : std::uint8_t { resolv_conf, all };

struct Mesh {
    std::vector<std::string> domains{"mesh",
                                     "mesh.local"};  ///< lower case, no trailing dot; never empty
    std::uint32_t ttl = 30;       ///< seconds, 0..2147483647 (RFC 2181 section 8)
    std::string name{"default"};  ///< to Kuma
    std::string zone{"default"};  ///< to Kuma: that of this machine
    std::string resources;        ///< a folder of Kuma's resources, an absolute path; empty: none
    std::optional<std::string> dataplane;  ///< this machine's among them; "": none
    Location where;

    friend bool operator==(const Mesh&, const Mesh&) = default;
};

struct Proxy {
    bool enabled = true;
    /// One or several, none a range; empty: uid 5678 if it exists, else kuma-dp, else 5678. Each
    /// makes self-calls.
    std::vector<UserRef> user;
    std::vector<UserRef> exempt_users;
    std::vector<GroupRef> exempt_groups;
    std::vector<MaskedMark> exempt_marks;

    friend bool operator==(const Proxy&, const Proxy&) = default;
};

struct Inbound {
    bool enabled = true;
    Port port = 15006;
    std::vector<PortRange> include_ports;  ///< not together with exclude_ports
    std::vector<PortRange> exclude_ports;
    std::vector<Cidr> exclude_sources;
    bool insert = false;  ///< before the DNAT of others (Docker, firewalld), not after it

    friend bool operator==(const Inbound&, const Inbound&) = default;
};

/// Traffic of these users, protocols and ports that is left alone. An empty list means all.
struct Exclusion {
    std::vector<UserRef> users;  ///< never empty
    std::vector<Protocol> protocols;
    std::vector<PortRange> ports;

    friend bool operator==(const Exclusion&, const Exclusion&) = default;
};

struct Outbound {
    bool enabled = true;
    Port port = 15001;
    std::vector<PortRange> include_ports;
    std::vector<PortRange> exclude_ports;
    std::vector<Cidr> exclude_destinations;  ///< all protocols, DNS too
    std::vector<Exclusion> exclude;
    bool insert = false;  ///< before any other chain of nat output, whatever its priority

    friend bool operator==(const Outbound&, const Outbound&) = default;
};

struct DnsCapture {
    bool enabled = false;
    Port port = 15053;
    DnsCaptureMode capture = DnsCaptureMode::resolv_conf;
    std::vector<Protocol> protocols{Protocol::udp};  ///< never empty, no duplicates
    std::uint16_t conntrack_zone = 15053;            ///< of captured UDP DNS; 0: no zone of its own
    OnResolverDown on_resolver_down = OnResolverDown::closed;  ///< open: a guard lets it go direct

    friend bool operator==(const DnsCapture&, const DnsCapture&) = default;
};

/// Clients behind an interface (containers, VMs, a LAN).
struct Network {
    std::string interface;  ///< 1..15 bytes; a trailing '+' or '*' matches any rest
    std::vector<Cidr> cidrs;
    Location where;

    friend bool operator==(const Network&, const Network&) = default;
};

struct Redirect {
    Engine engine = Engine::automatic;
    IptablesBackend iptables_backend = IptablesBackend::automatic;  ///< of the iptables engine
    IpFamilyMode ip_family = IpFamilyMode::dualstack;
    bool drop_invalid = false;
    std::string log_prefix;  ///< before each line the kernel logs of a captured connection; empty:
                             ///< no logging. At most 29 bytes of printable ASCII (iptables' LOG)
    Inbound inbound;
    Outbound outbound;
    DnsCapture dns;
    std::vector<Network> networks;

    friend bool operator==(const Redirect&, const Redirect&) = default;
};

/// All addresses of an interface, at one port: "docker0:15053".
struct InterfacePort {
    std::string interface;
    Port port = 0;

    friend bool operator==(const InterfacePort&, const InterfacePort&) = default;
};

using Listen = std::variant<SocketAddress, InterfacePort>;

/// The nameservers of `resolv_conf`, followed when the file changes.
struct ResolvConfUpstreams {
    friend bool operator==(const ResolvConfUpstreams&, const ResolvConfUpstreams&) = default;
};

/// A server named by a host name, resolved through c-ares.
struct HostUpstream {
    std::string host;
    Port port = 53;

    friend bool operator==(const HostUpstream&, const HostUpstream&) = default;
};

using Upstream = std::variant<ResolvConfUpstreams, SocketAddress, HostUpstream>;

/// Clients that may ask: a network, or those of an interface (1..15 bytes; a trailing '+' or '*'
/// matches any rest).
using Allowed = std::variant<Cidr, std::string>;

/// Names below a suffix that other servers are asked for.
struct Forward {
    std::string suffix;               ///< lower case, no trailing dot; none of mesh.domains
    std::vector<Upstream> upstreams;  ///< never empty
    Location where;

    friend bool operator==(const Forward&, const Forward&) = default;
};

/// Who answers for the reverse names of private networks (RFC 6303): the upstreams, or this server,
/// that there are none.
enum class PrivateReverse : std::uint8_t { forward, local };

struct Dns {
    std::vector<Listen> listen;  ///< default 127.0.0.1:15053 and [::1]:15053
    std::vector<Allowed>
        allow;  ///< besides this machine itself and the networks of redirect.network
    std::uint32_t rate_limit = 1000;  ///< queries a second of one source outside this machine over
                                      ///< UDP, 0..1000000; 0: any number
    std::optional<UserRef> user;  ///< unset: (the first of) proxy.user when started as root, else
                                  ///< no change
    std::vector<std::string> admin{
        "unix:/run/meshgate/dns.sock"};  ///< "unix:PATH" or "ADDRESS:PORT"; empty: none
    bool admin_is_default =
        true;  ///< the default path not creatable is a warning, an explicit one an error
    std::vector<Upstream> upstreams{ResolvConfUpstreams{}};
    std::vector<Forward> forwards;  ///< 64 at most, no suffix twice; the longest suffix counts
    /// Search domains for which OWNED-NAME.DOMAIN is an alias of the owned name: names, lower case,
    /// no trailing dot, and "resolv-conf" for those of `resolv_conf`, followed; 32 at most.
    std::vector<std::string> search{"resolv-conf"};
    PrivateReverse private_reverse = PrivateReverse::forward;
    std::uint64_t cache_bytes = 64ULL << 20;
    std::string query_log;               ///< an absolute path, "journal", "stdout"; empty: none
    std::uint32_t query_log_sample = 1;  ///< one query in so many is written there, 1..1000000

    Dns();
    friend bool operator==(const Dns&, const Dns&) = default;
};

enum class VipIpv6 : std::uint8_t { mapped, none, native };

struct Vip {
    VipMode mode = VipMode::proxy;  ///< of services that do not say it
    Cidr ipv4;          ///< default 240.0.0.0/4; of services that have none of the kinds below
    Cidr mesh_service;  ///< default 241.0.0.0/8
    Cidr mesh_external_service;    ///< default 242.0.0.0/8
    Cidr mesh_multi_zone_service;  ///< default 243.0.0.0/8
    VipIpv6 ipv6_mode = VipIpv6::mapped;
    std::optional<Cidr> ipv6;  ///< set with VipIpv6::native only; of all kinds
    std::string state{"/var/lib/meshgate/vips.toml"};
    std::uint32_t rest = 3600;  ///< seconds that an address is nobody's before another gets it
    Location where;

    Vip();
    /// The IPv4 range of a kind, and its key: "vip.mesh_service".
    [[nodiscard]] const Cidr& range4(ServiceKind kind) const noexcept;
    [[nodiscard]] static std::string_view key4(ServiceKind kind) noexcept;
    /// The kernel translates its VIPs.
    [[nodiscard]] bool is_via_kernel(const Service& service) const noexcept {
        return service.via.value_or(mode) == VipMode::kernel;
    }

    friend bool operator==(const Vip&, const Vip&) = default;
};

/// Any other record; type and value in zone-file words, checked by dns/records.
struct Record {
    std::string name;  ///< absolute
    std::string type;
    std::string value;
    std::optional<std::uint32_t> ttl;  ///< seconds; unset: mesh.ttl
    Location where;

    friend bool operator==(const Record&, const Record&) = default;
};

/// The names that Kuma's control plane gives this machine's proxy, as its Envoy serves them.
struct KumaFeed {
    std::string socket;       ///< an absolute path, at most 107 bytes
    std::uint32_t poll = 1;   ///< seconds between two looks, 1..3600
    std::uint32_t wait = 15;  ///< seconds that readiness waits for the first names, 0..3600
    Location where;

    friend bool operator==(const KumaFeed&, const KumaFeed&) = default;
};

/// Names in the words of hosts(5), in a file of their own.
struct HostsFile {
    std::string file;                  ///< an absolute path
    std::optional<std::uint32_t> ttl;  ///< seconds; unset: mesh.ttl
    Location where;

    friend bool operator==(const HostsFile&, const HostsFile&) = default;
};

/// Names that come from elsewhere while the program runs.
struct Feeds {
    std::optional<KumaFeed> kuma;

    friend bool operator==(const Feeds&, const Feeds&) = default;
};

/// The daemon that keeps the rules as they are meant to be.
struct Guard {
    std::vector<std::string> admin{
        "unix:/run/meshgate/guard.sock"};  ///< "unix:PATH" or "ADDRESS:PORT"; empty: none
    bool admin_is_default = true;  ///< as dns.admin_is_default
    bool hold = true;  ///< nobody else can change the table, where the kernel can have it so

    friend bool operator==(const Guard&, const Guard&) = default;
};

struct Config {
    std::string resolv_conf{"/etc/resolv.conf"};
    Mesh mesh;
    Proxy proxy;
    Redirect redirect;
    Dns dns;
    Vip vip;
    Feeds feed;
    Guard guard;
    std::vector<Service> services;
    std::vector<ExternalService> external_services;
    std::vector<VirtualOutbound> virtual_outbounds;
    std::vector<HostnameGenerator> hostname_generators;
    Reachable reachable;
    std::vector<Record> records;
    std::vector<HostsFile> hosts;  ///< 16 at most, no file twice

    friend bool operator==(const Config&, const Config&) = default;
};

/// The IPv4 ranges that something of this configuration may have an address of, without those that
/// lie in another: vip.ipv4, and those of Kuma's kinds where there may be any.
std::vector<Cidr> vip_ranges4(const Config& config);

}  // namespace meshgate::conf
