#pragma once

#include "netfilter/conntrack/connection.h"
#include "src/meshgate-redirect/probing/client_sites.h"
#include "src/meshgate-redirect/probing/planned_probe.h"
#include "src/meshgate-redirect/probing/probe_messages.h"
#include "src/meshgate-redirect/probing/probe_site.h"

#include <cstddef>
#include <optional>

namespace meshgate::redirect {

/// Where they can be sent from, besides this machine.
struct ProbePlaces {
    ProbeSite& site;
    ClientSites& clients;
};

/// The end of a probe that sends it.
class ProbeSender {
public:
    /// Begins to connect; UDP is sent at once. What the kernel refuses is in error().
    ProbeSender(std::size_t number, const PlannedProbe& planned, ProbePlaces places);

    [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
    [[nodiscard]] bool waits_to_connect() const noexcept { return connecting_; }

    /// Something happened to its socket.
    void go_on();

    [[nodiscard]] bool is_connected() const noexcept { return connected_; }
    [[nodiscard]] bool is_answered() const noexcept { return answered_; }
    [[nodiscard]] bool is_over() const noexcept { return answered_ || ended_; }
    [[nodiscard]] int error() const noexcept { return error_; }  ///< errno, 0 for none
    [[nodiscard]] const std::optional<DnsAnswer>& dns_answer() const noexcept { return dns_; }

    /// What conntrack knows it by. @pre error() came from no earlier than its connect
    [[nodiscard]] netfilter::Tuple tuple() const;

private:
    void begin(ProbePlaces places);
    void lead(ProbePlaces places);
    void connected();
    void receive();

    std::size_t number_;
    const PlannedProbe* planned_;
    UniqueFd socket_;
    conf::IpAddress source_;
    conf::Port source_port_ = 0;
    bool connecting_ = false, connected_ = false, answered_ = false, ended_ = false;
    int error_ = 0;
    std::optional<DnsAnswer> dns_;
};

}  // namespace meshgate::redirect
