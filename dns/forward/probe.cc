#include "dns/forward/probe.h"

namespace meshgate::dns::forward {
namespace {

constexpr QueryRef the_probe{1, 1};

}  // namespace

Probe::Probe(const UdpSocket::Shared& shared, Health& health, std::chrono::milliseconds patience)
    : shared_(shared), health_(health), patience_(patience) {}

void Probe::send(Server& server, const asio::ip::udp::endpoint& remote) {
    socket_ = UdpSocket::open(
        {shared_.context, *this, shared_.random, shared_.batch, shared_.ready}, server, remote);
    sent_ = Clock::now();
    if (socket_ && !socket_->send(the_probe, message_)) socket_.reset();
}

std::span<std::uint8_t> Probe::message_of(QueryRef) noexcept {
    return message_;
}

void Probe::on_exchange_reply(Server&, QueryRef, Transport, std::span<std::uint8_t>) noexcept {
    const auto time = Clock::now() - sent_;
    if (time <= patience_) {
        health_.replied();
        health_.took(time);
    }
    socket_.reset();
}

void Probe::on_exchange_error(Server&, QueryRef, Transport) noexcept {
    socket_.reset();
}

}  // namespace meshgate::dns::forward
