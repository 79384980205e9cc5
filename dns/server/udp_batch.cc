#include "dns/server/udp_batch.h"

#include "src/common/datagrams.h"

#include <algorithm>
#include <cerrno>

namespace meshgate::dns::server {

UdpBatch::UdpBatch()
    : buffers_(std::make_unique_for_overwrite<std::uint8_t[]>(batch_datagrams * stride)) {
    for (std::size_t i = 0; i < batch_datagrams; ++i) {
        vectors_[i] = {buffer(i), datagram_bytes};
        auto& header = headers_[i].msg_hdr;
        header.msg_name = &paths_[i].peer;
        header.msg_iov = &vectors_[i];
        header.msg_iovlen = 1;
    }
}

std::size_t UdpBatch::receive(int fd, const SocketFacts& socket) noexcept {
    for (std::size_t i = 0; i < batch_datagrams; ++i) {  // the kernel wrote over the lengths
        auto& header = headers_[i].msg_hdr;
        header.msg_namelen = sizeof(Peer);
        header.msg_control = socket.wildcard ? paths_[i].control.data() : nullptr;
        header.msg_controllen = socket.wildcard ? paths_[i].control.size() : 0;
    }
    int n = 0;
    do {
        n = datagrams::receive_many(fd, headers_.data(), batch_datagrams, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

UdpPath& UdpBatch::path(std::size_t i) noexcept {
    paths_[i].control_bytes = headers_[i].msg_hdr.msg_controllen;
    if (paths_[i].control_bytes != 0) turn_around(paths_[i]);
    return paths_[i];
}

UdpReplies::UdpReplies(int fd, WorkerStats& stats)
    : fd_(fd), stats_(stats), arena_(std::make_unique_for_overwrite<std::uint8_t[]>(arena_bytes)) {
    for (std::size_t i = 0; i < batch_datagrams; ++i) {
        auto& header = headers_[i].msg_hdr;
        header.msg_name = &paths_[i].peer;
        header.msg_iov = &vectors_[i];
        header.msg_iovlen = 1;
    }
}

std::span<std::uint8_t> UdpReplies::room(std::size_t bytes) noexcept {
    if (count_ == batch_datagrams || arena_bytes - used_ < bytes) flush();
    return {arena_.get() + used_, arena_bytes - used_};
}

void UdpReplies::add(const UdpPath& path, std::size_t bytes) noexcept {
    auto& header = headers_[count_].msg_hdr;
    paths_[count_].peer = path.peer;
    header.msg_namelen = path.peer.bytes();
    header.msg_control = nullptr;
    if (path.control_bytes != 0) {
        paths_[count_].control = path.control;
        header.msg_control = paths_[count_].control.data();
    }
    header.msg_controllen = path.control_bytes;
    vectors_[count_] = {arena_.get() + used_, bytes};
    used_ += bytes;
    ++count_;
}

void UdpReplies::flush() noexcept {
    std::size_t sent = 0;
    while (sent < count_) {
        const int n = datagrams::send_many(fd_, headers_.data() + sent,
                                           static_cast<unsigned>(count_ - sent),
                                           MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            sent += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
            stats_.drop(Dropped::send_failed, count_ - sent);  // no room for the others either
            break;
        } else if (errno != EINTR) {
            stats_.drop(Dropped::send_failed);  // this one only: unreachable, filtered, ...
            ++sent;
        }
    }
    used_ = 0;
    count_ = 0;
}

}  // namespace meshgate::dns::server
