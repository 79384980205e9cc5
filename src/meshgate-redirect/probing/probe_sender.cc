#include "src/meshgate-redirect/probing/probe_sender.h"

#include "src/common/errors.h"
#include "src/meshgate-redirect/probing/probe_sockets.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace meshgate::redirect {
ProbeSender::ProbeSender(std::size_t number, const PlannedProbe& planned, ProbePlaces places)
    : number_(number), planned_(&planned) {
    try {
        begin(places);
    } catch (const std::system_error& error) {
        error_ = error.code().value();
    }
}

/// Its packets, or what answers them, to where nobody else sees them.
void ProbeSender::lead(ProbePlaces places) {
    const auto& packet = planned_->packet;
    const auto port = local_address(socket_).port();
    if (!planned_->client_of.empty()) {
        places.clients.lead_back(planned_->client_of, {packet.source, port, ""}, packet.protocol);
    } else if (planned_->is_led_there) {
        places.site.lead_there(packet.destination.family(), packet.protocol, port);
    }
}

void ProbeSender::begin(ProbePlaces places) {
    const auto& packet = planned_->packet;
    const auto family = packet.destination.family();
    const auto make = [&] { return socket_of(packet.uid.value_or(0), family, packet.protocol); };
    if (!planned_->client_of.empty()) {
        socket_ = places.clients.behind(planned_->client_of).inside(make);
    } else {
        socket_ = planned_->is_inbound() ? places.site.there().inside(make) : make();
    }
    KernelAddress from{planned_->bind_source ? packet.source : any_address(family), 0};
    if (::bind(socket_.get(), from.raw(), from.bytes) != 0) throw_errno("bind");
    lead(places);
    KernelAddress to{packet.destination, packet.dport};
    if (::connect(socket_.get(), to.raw(), to.bytes) == 0) {
        connected();
    } else if (errno == EINPROGRESS) {
        connecting_ = true;
    } else {
        throw_errno("connect");
    }
    const auto own = local_address(socket_);
    source_ = own.address();
    source_port_ = own.port();
}

void ProbeSender::connected() {
    connecting_ = false;
    connected_ = true;
    const auto message = probe_message(number_, planned_->speaks_dns, planned_->packet.protocol,
                                       planned_->name);
    if (::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) error_ = errno;
}

void ProbeSender::receive() {
    std::array<char, 2048> buffer;
    const auto got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
        if (errno != EAGAIN) error_ = errno;
        return;
    }
    if (got == 0) {
        ended_ = true;
        return;
    }
    answered_ = true;
    if (!planned_->speaks_dns) return;
    dns_ = parse_dns_answer({buffer.data(), static_cast<std::size_t>(got)},
                            planned_->packet.protocol);
}

void ProbeSender::go_on() {
    if (!connecting_) {
        receive();
        return;
    }
    int error = 0;
    socklen_t bytes = sizeof error;
    static_cast<void>(::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &bytes));
    if (error != 0) {
        error_ = error;
        connecting_ = false;
    } else {
        connected();
    }
}

netfilter::Tuple ProbeSender::tuple() const {
    const auto& packet = planned_->packet;
    return {.source = source_,
            .destination = packet.destination,
            .sport = source_port_,
            .dport = packet.dport,
            .zone = planned_->zone.value_or(0)};
}

}  // namespace meshgate::redirect
