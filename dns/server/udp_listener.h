#pragma once

#include "dns/server/admission.h"
#include "dns/server/resolver.h"
#include "dns/server/udp_batch.h"
#include "src/common/asio.h"
#include "src/common/unique_fd.h"

namespace meshgate::dns::server {

/// One UDP socket: waits for datagrams, answers them in batches. Lives as long as its io_context
/// runs; not moved (its handlers point to it).
class UdpListener final : public Transport {
public:
    /// `batch` is shared by the sockets of the worker.
    UdpListener(asio::io_context& context, UniqueFd fd, UdpBatch& batch, Admission& admission,
                Resolver& resolver, WorkerStats& stats);

    void start();

    /// Answers what is queued, then reads no more. Answers under way are still sent.
    void drain() noexcept;

    /// Closes the socket: from now on the kernel tells clients that nobody listens.
    void close() noexcept;

    void deliver(const Client& client, std::uint64_t ticket, Source source,
                 std::span<const std::uint8_t> reply) noexcept override;

private:
    void serve(std::size_t rounds) noexcept;
    bool answer_one(std::size_t i, Clock::time_point arrived) noexcept;
    Resolver::Verdict answer(std::size_t i, Origin origin, std::span<std::uint8_t> out) noexcept;
    Resolver::Verdict answer_outsider(std::size_t i, Admission::Verdict admitted,
                                      std::span<std::uint8_t> out) noexcept;

    asio::posix::stream_descriptor socket_;
    SocketFacts facts_;
    UdpBatch& batch_;
    UdpReplies replies_;
    Admission& admission_;
    Resolver& resolver_;
    WorkerStats& stats_;
    bool draining_ = false;
    bool flush_posted_ = false;
};

}  // namespace meshgate::dns::server
