#include "dns/server/udp_listener.h"

#include <algorithm>
#include <utility>

namespace meshgate::dns::server {

namespace {

/// Batches in a row before timers, TCP and the other sockets get their turn.
constexpr std::size_t rounds_max = 8;

/// When draining: enough for a full receive buffer (4 MiB of skbs), and an end under any flood.
constexpr std::size_t drain_rounds_max = 1024;

}  // namespace

UdpListener::UdpListener(asio::io_context& context, UniqueFd fd, UdpBatch& batch,
                         Admission& admission, Resolver& resolver, WorkerStats& stats)
    : socket_(context), facts_(socket_facts(fd.get())), batch_(batch), replies_(fd.get(), stats),
      admission_(admission), resolver_(resolver), stats_(stats) {
    socket_.assign(fd.get());
    static_cast<void>(fd.release());
}

void UdpListener::start() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](const boost::system::error_code& error) {
                           if (error || draining_) return;
                           serve(rounds_max);
                           start();
                       });
}

void UdpListener::drain() noexcept {
    draining_ = true;
    serve(drain_rounds_max);
}

void UdpListener::close() noexcept {
    draining_ = true;
    replies_.flush();
    boost::system::error_code ignored;
    socket_.close(ignored);
}

void UdpListener::serve(std::size_t rounds) noexcept {
    // One clock reading a batch: the end of one is the beginning of the next.
    auto arrived = Clock::now();
    for (std::size_t n = batch_datagrams; n == batch_datagrams && rounds > 0; --rounds) {
        n = batch_.receive(socket_.native_handle(), facts_);
        if (n == 0) break;
        std::size_t answers = 0;
        for (std::size_t i = 0; i < n; ++i) answers += answer_one(i, arrived) ? 1 : 0;
        replies_.flush();
        const auto sent = Clock::now();
        stats_.took(sent - arrived, answers);
        arrived = sent;
    }
}

bool UdpListener::answer_one(std::size_t i, Clock::time_point arrived) noexcept {
    const UdpPath& path = batch_.path(i);
    const Origin origin = origin_of(facts_, path);
    auto out = replies_.room(path_payload_max(origin));
    auto verdict = origin == Origin::here
                       ? answer(i, origin, out)
                       : answer_outsider(i, admission_.judge(path.peer, arrived), out);
    if (verdict.next == Resolver::Next::drop) return false;
    stats_.received(Proto::udp, facts_.family, resolver_.asked_type());
    if (verdict.next == Resolver::Next::forward) {
        const Client client{this, Proto::udp, 0, path};
        verdict = resolver_.forward(client, arrived, out).verdict;
        if (verdict.bytes == 0) return false;
    }
    resolver_.answered(path.peer, Proto::udp, verdict, out, arrived);
    replies_.add(path, verdict.bytes);
    return true;
}

Resolver::Verdict UdpListener::answer(std::size_t i, Origin origin,
                                      std::span<std::uint8_t> out) noexcept {
    const auto message = batch_.message(i);
    if (batch_.was_cut(i)) return resolver_.reject(message, Resolver::Rejection::cut, out);
    return resolver_.answer(message, Proto::udp, origin, out);
}

Resolver::Verdict UdpListener::answer_outsider(std::size_t i, Admission::Verdict admitted,
                                               std::span<std::uint8_t> out) noexcept {
    const auto message = batch_.message(i);
    switch (admitted) {
    case Admission::Verdict::answer:
        return answer(i, Origin::outside, out);
    case Admission::Verdict::refuse:
        return resolver_.reject(message, Resolver::Rejection::prohibited, out);
    case Admission::Verdict::truncate:
        return resolver_.reject(message, Resolver::Rejection::too_often, out);
    case Admission::Verdict::drop:
        break;
    }
    stats_.drop(Dropped::rate);
    return {Resolver::Next::drop, 0};
}

void UdpListener::deliver(const Client& client, std::uint64_t, Source,
                          std::span<const std::uint8_t> reply) noexcept {
    if (!socket_.is_open()) return;
    auto out = replies_.room(reply.size());
    std::copy(reply.begin(), reply.end(), out.begin());
    replies_.add(client.path, reply.size());
    if (std::exchange(flush_posted_, true)) return;
    // Replies that the forwarder read in one batch leave in one batch.
    asio::post(socket_.get_executor(), [this] {
        flush_posted_ = false;
        replies_.flush();
    });
}

}  // namespace meshgate::dns::server
