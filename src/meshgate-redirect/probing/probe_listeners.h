#pragma once

#include "netfilter/plan/summary.h"
#include "src/meshgate-redirect/probing/planned_probe.h"
#include "src/meshgate-redirect/probing/probe_site.h"

#include <poll.h>

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace meshgate::redirect {

/// Where a probe has come out.
struct Arrival {
    std::optional<conf::Port> redirected_to;  ///< none: it came where it was sent
};

/// The listeners of a run: at the redirect ports where nobody else listens, and wherever a probe is
/// sent. Each answers, and is at one address that only this machine, the site and the clients of an
/// interface that is probed can reach.
class ProbeListeners {
public:
    ProbeListeners(const PlannedProbes& probes, const netfilter::Summary& summary,
                   conf::Uid proxy_user, const std::vector<ProbeClient>& clients, ProbeSite& site);

    /// One of them would hear what is sent there: otherwise it is a program of this machine.
    [[nodiscard]] bool is_ours(const conf::IpAddress& at, conf::Port port,
                               conf::Protocol protocol) const {
        return here_.contains({at, port, protocol});
    }

    void add_to(std::vector<pollfd>& list) const;
    /// Takes what has come. @return false when `fd` is none of theirs.
    bool serve(int fd, std::map<std::size_t, Arrival>& arrivals);

private:
    using Place = std::tuple<conf::IpAddress, conf::Port, conf::Protocol>;
    struct Listener {
        UniqueFd socket;
        conf::Protocol protocol = conf::Protocol::tcp;
        Arrival arrival;
        bool is_connection = false;
    };

    void listen_here(const conf::IpAddress& at, conf::Port port, conf::Protocol protocol,
                     const Arrival& arrival, conf::Uid user);
    void listen_there(conf::Family family, conf::Port port, conf::Protocol protocol,
                      ProbeSite& site);
    void add(UniqueFd socket, conf::Protocol protocol, const Arrival& arrival);
    void accept_from(const Listener& listener);

    std::map<int, Listener> listeners_;
    std::map<Place, bool> here_;
    std::map<std::tuple<conf::Family, conf::Port, conf::Protocol>, bool> there_;
};

}  // namespace meshgate::redirect
