#pragma once

#include "src/meshgate-redirect/probing/client_ground.h"
#include "src/meshgate-redirect/probing/private_namespace.h"
#include "src/meshgate-redirect/probing/probe_site.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace meshgate::redirect {

/// Places from which packets arrive at interfaces of this machine as if a client behind them had
/// sent them: for each a network namespace with one end of a pair of interfaces. What comes out of
/// the other end, `mgcl` and numbers, is handed over to the arrivals of the client's interface
/// (tc-mirred(8)); what answers it is led back by rules that name the socket. Nothing is sent by that
/// interface, and nobody on its wire sees anything. All of it is gone with this object, or with the
/// process.
class ClientSites {
public:
    /// @param ground  those for whom it does not go are moved to its left_out
    ClientSites(ClientGround& ground, ProbeSite& site);
    ClientSites(const ClientSites&) = delete;
    ClientSites& operator=(const ClientSites&) = delete;
    ~ClientSites();

    /// @throws std::out_of_range for an interface without one
    PrivateNamespace& behind(const std::string& interface);

    /// What is sent to this socket of a client gets there.
    void lead_back(const std::string& interface, const conf::SocketAddress& client,
                   conf::Protocol protocol);

private:
    struct Place {
        PrivateNamespace there;
        std::string outlet;  ///< its end on this machine
    };

    std::string make(const std::string& interface);
    static std::string give(Place& place, const conf::IpAddress& address);

    ProbeSite& site_;
    std::map<std::string, std::unique_ptr<Place>> places_;
};

/// What find_clients() asks, of this machine.
InterfaceState interface_state();

}  // namespace meshgate::redirect
