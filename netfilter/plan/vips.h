#pragma once

#include "conf/config.h"
#include "conf/load.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// Virtual addresses (VIPs) that the kernel itself translates to endpoints.
///
/// **Planned and live endpoints.** A plan has all endpoints of the configuration. Which of them are
/// alive is not its business: whoever watches them (the guard) takes one out and puts it back as a
/// change of elements (VipUpdater), and neither rules nor digest() change with it. So:
/// - The digest covers the rules and the kinds of maps, not the elements.
/// - `status`, `diff` and a repair compare the elements of services that are watched with the plan
///   as reduced to the endpoints that the kernel has now (keep_live()): a VIP with fewer of its
///   endpoints, or with none, is as planned; one that is missing, has another endpoint or another
///   share, or that the plan does not have, is not. What a watcher took out stays out until it puts
///   it back; `install` puts all in where no watcher runs.
/// - An endpoint given by a host name is none until a watcher has resolved it.
namespace meshgate::netfilter {

struct VipEndpoint {
    conf::IpAddress address;
    Port port = 0;
    std::uint16_t weight = 1;  ///< 1..1000

    friend bool operator==(const VipEndpoint&, const VipEndpoint&) noexcept = default;
};

/// A service whose VIPs the kernel translates, its addresses given.
struct VipService {
    std::string name;
    std::optional<conf::IpAddress> address4;
    std::optional<conf::IpAddress> address6;  ///< none for an IPv4-mapped one: that is IPv4
    std::vector<Port> ports;
    std::vector<Protocol> protocols;
    conf::Balance balance = conf::Balance::random;
    std::vector<VipEndpoint> endpoints;  ///< by address; each is of the VIP of its family
    bool has_named_endpoints = false;    ///< others are known by name only
    bool is_checked = false;             ///< a watcher takes out those that are dead
    conf::Location where;
};

/// One port of one VIP: what changes with its endpoints.
struct VipRoute {
    Family family = Family::ipv4;
    Protocol protocol = Protocol::tcp;
    conf::IpAddress address;
    Port port = 0;
    conf::Balance balance = conf::Balance::random;
    std::string turn_chain;  ///< balance = round-robin: its own counter
    std::vector<VipEndpoint> endpoints;
    bool has_named_endpoints = false;
    std::size_t service = 0;  ///< index among the services
};

/// All of them, in the order of the services. @pre vip_faults() is empty
std::vector<VipRoute> routes_of(const std::vector<VipService>& services,
                                const std::vector<Family>& families);

/// In their order.
std::vector<std::uint32_t> weights_of(const std::vector<VipEndpoint>& endpoints);

/// The elements of a route.
struct RouteElements {
    VipClass to_class;           ///< the same whoever is alive
    std::vector<VipSlot> slots;  ///< sorted; none when nobody is alive

    friend bool operator==(const RouteElements&, const RouteElements&) = default;
};

/// @param alive  of the size of route.endpoints
RouteElements elements_of(const VipRoute& route, const std::vector<bool>& alive);
RouteElements elements_of(const VipRoute& route);  ///< all are alive

/// The same as a change of what is installed.
/// @param alive  of the size of route.endpoints
VipUpdate update_of(const VipRoute& route, const std::vector<bool>& alive);

/// Where the classes lead: a chain for each of the numbers that draw_for() gives, one for clients'
/// addresses, one that does nothing. @{
std::string random_chain(std::size_t draw);
inline constexpr const char* client_chain = "vip_client";
inline constexpr const char* no_endpoint_chain = "vip_none";
/// @}

/// Endpoints known by name become addresses later: so many slots of a drawn route are kept for them.
/// @invariant one of draw_for()
inline constexpr std::size_t named_slots_max = 64;
/// The draw of the random_chain() that a route has; 0 when it has none.
std::size_t random_draw(const VipRoute& route);

/// Puts elements into the maps of a ruleset that have the names of their routes.
class MapFiller {
public:
    /// @param ruleset  outlives this; the elements that its maps have go
    explicit MapFiller(Ruleset& ruleset);
    void add(const VipRoute& route, RouteElements elements);
    void sort();  ///< once all are added

private:
    Ruleset& ruleset_;
};

/// "vip_tcp4", and "vip_tcp4_endpoints".
std::string class_map_name(Family family, Protocol protocol);
std::string endpoint_map_name(Family family, Protocol protocol);

/// Services with `balance = "round-robin"`, by port: each has a chain, for its counter.
inline constexpr std::size_t turn_chains_max = 256;
/// Of one family and protocol: their memory is the kernel's.
inline constexpr std::size_t vip_slots_max = 2'000'000;

/// What keeps services from being translated as they are: weights that cannot be said in slots, too
/// many that take turns, too many slots.
std::vector<conf::Diagnostic> vip_faults(const std::vector<VipService>& services);

/// Leaves out of the planned maps the endpoints that the installed ones do not have, for each route
/// whose elements are right but for that.
/// @return the names of services of which endpoints are left out, each once, in their order.
std::vector<std::string> keep_live(Ruleset& planned, const std::vector<VipService>& services,
                                   const Ruleset& installed);

}  // namespace meshgate::netfilter
