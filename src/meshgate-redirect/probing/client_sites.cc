#include "src/meshgate-redirect/probing/client_sites.h"

#include "netfilter/nftnl/link_netlink.h"
#include "src/common/unique_fd.h"
#include "src/meshgate-redirect/doctor/system_settings.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace meshgate::redirect {
namespace {

using netfilter::LinkNetlink;

constexpr const char* inlet = "mgclient";

bool is_up(const std::string& interface) {
    const UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    return ::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

}  // namespace

ClientSites::ClientSites(ClientGround& ground, ProbeSite& site) : site_(site) {
    std::vector<ProbeClient> ready;
    std::map<std::string, std::string> refused;
    for (const auto& client : ground.clients) {
        const auto& interface = client.interface;
        if (!places_.contains(interface) && !refused.contains(interface)) {
            if (auto why = make(interface); !why.empty()) refused[interface] = why;
        }
        if (refused.contains(interface)) continue;
        auto why = give(*places_.at(interface), client.address);
        if (why.empty()) {
            site_.answer(client.address);
            ready.push_back(client);
        } else {
            ground.left_out.push_back("clients behind " + interface + ": " + why);
        }
    }
    for (const auto& [interface, why] : refused) {
        ground.left_out.push_back("clients behind " + interface + ": " + why);
    }
    ground.clients = std::move(ready);
}

ClientSites::~ClientSites() {
    for (const auto& [interface, place] : places_) {
        try {
            LinkNetlink{}.remove(place->outlet);  // at once; without it, soon
        } catch (const std::exception&) {
        }
    }
}

/// @return why it does not go; empty when it went
std::string ClientSites::make(const std::string& interface) {
    auto place = std::make_unique<Place>();
    place->outlet = "mgcl" + std::to_string(::getpid()) + "." + std::to_string(places_.size());
    place->there.inside([] { LinkNetlink{}.set_up("lo"); });
    LinkNetlink{}.add_veth(place->outlet, inlet, place->there.descriptor());
    const auto outlet = place->outlet;
    auto& there = place->there;
    places_[interface] = std::move(place);
    // Before it is up: nothing else of it is handed over, and nothing passes it by.
    if (const int error = LinkNetlink{}.hand_over(outlet, interface); error != 0) {
        LinkNetlink{}.remove(outlet);
        places_.erase(interface);
        return std::string{"this kernel does not hand packets over to another interface "
                           "(sch_ingress, cls_u32, act_mirred): "} +
               std::strerror(error);
    }
    LinkNetlink{}.set_up_alone(outlet);
    there.inside([] {
        LinkNetlink{}.set_up_alone(inlet);
        wait_until_running(inlet);
    });
    wait_until_running(outlet);
    return "";
}

std::string ClientSites::give(Place& place, const conf::IpAddress& address) {
    return place.there.inside([&]() -> std::string {
        LinkNetlink netlink;
        const auto bits = static_cast<std::uint8_t>(address.bytes().size() * 8);
        if (const int error = netlink.add_address(inlet, address, bits); error != 0) {
            return "address " + address.to_string() + ": " + std::strerror(error);
        }
        wait_until_local(address);
        netlink.add_default_route(inlet, address.family());
        return "";
    });
}

PrivateNamespace& ClientSites::behind(const std::string& interface) {
    return places_.at(interface)->there;
}

void ClientSites::lead_back(const std::string& interface, const conf::SocketAddress& client,
                            conf::Protocol protocol) {
    site_.lead_by(places_.at(interface)->outlet, client, protocol);
}

InterfaceState interface_state() {
    return {.is_up = is_up, .is_strict = [settings = read_settings()](const std::string& name) {
                // The larger of the two counts (net/ipv4/fib_frontend.c); 1 is strict, 2 is loose.
                const auto of = [&settings](const std::string& whose) {
                    const auto found = settings.find("net/ipv4/conf/" + whose + "/rp_filter");
                    return found == settings.end() ? std::string{} : found->second;
                };
                return std::max(of("all"), of(name)) == "1";
            }};
}

}  // namespace meshgate::redirect
