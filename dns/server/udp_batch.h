#pragma once

#include "dns/server/stats.h"
#include "dns/server/udp_path.h"

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace meshgate::dns::server {

inline constexpr std::size_t batch_datagrams = 32;

/// Receives datagrams, up to batch_datagrams in one system call. One for a worker: what it holds is
/// used up before the next socket is read.
class UdpBatch {
public:
    /// A query has one name and an OPT: 4096 bytes hold any that makes sense, padded (RFC 8467) or
    /// not. What is longer is cut by the kernel, and answered FORMERR.
    static constexpr std::size_t datagram_bytes = 4096;

    UdpBatch();

    /// @return datagrams received; 0: none are queued, or the socket has an error (then errno).
    std::size_t receive(int fd, const SocketFacts& socket) noexcept;

    [[nodiscard]] std::span<const std::uint8_t> message(std::size_t i) const noexcept {
        return {buffer(i), headers_[i].msg_len};
    }
    [[nodiscard]] bool was_cut(std::size_t i) const noexcept {
        return (headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    /// Where datagram `i` came from, ready for its reply.
    UdpPath& path(std::size_t i) noexcept;

private:
    // Not a multiple of 4096: the first lines of all datagrams would share one set of the L1 cache.
    static constexpr std::size_t stride = datagram_bytes + 64;

    [[nodiscard]] std::uint8_t* buffer(std::size_t i) const noexcept {
        return buffers_.get() + i * stride;
    }

    std::unique_ptr<std::uint8_t[]> buffers_;
    std::array<iovec, batch_datagrams> vectors_{};
    std::array<mmsghdr, batch_datagrams> headers_{};
    std::array<UdpPath, batch_datagrams> paths_{};
};

/// Answers of one socket, gathered and sent in one system call.
class UdpReplies {
public:
    UdpReplies(int fd, WorkerStats& stats);
    UdpReplies(const UdpReplies&) = delete;
    UdpReplies& operator=(const UdpReplies&) = delete;

    /// Room for one answer of up to `bytes`, at most 65,535; sends what is gathered if it must.
    std::span<std::uint8_t> room(std::size_t bytes) noexcept;

    /// The first `bytes` of the last room() are an answer for `path`.
    void add(const UdpPath& path, std::size_t bytes) noexcept;

    /// Sends what is gathered. What the kernel does not take is counted and gone: a client asks
    /// again, a queue of late answers helps nobody.
    void flush() noexcept;

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

private:
    static constexpr std::size_t arena_bytes = std::size_t{128} << 10;

    int fd_;
    WorkerStats& stats_;
    std::unique_ptr<std::uint8_t[]> arena_;
    std::size_t used_ = 0;
    std::size_t count_ = 0;
    std::array<iovec, batch_datagrams> vectors_{};
    std::array<mmsghdr, batch_datagrams> headers_{};
    std::array<UdpPath, batch_datagrams> paths_{};
};

}  // namespace meshgate::dns::server
