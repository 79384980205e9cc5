#include "dns/forward/receive_batch.h"

#include "src/common/datagrams.h"

namespace meshgate::dns::forward {

// Not initialised: half a MiB that the kernel writes before anybody reads, in pages that are
// touched only when datagrams are large.
ReceiveBatch::ReceiveBatch()
    : bytes_(
          std::make_unique_for_overwrite<std::array<std::uint8_t, datagrams * datagram_bytes>>()) {
    for (std::size_t i = 0; i < datagrams; ++i) {
        vectors_[i] = {bytes_->data() + i * datagram_bytes, datagram_bytes};
        headers_[i].msg_hdr.msg_iov = &vectors_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
    }
}

int ReceiveBatch::receive(int fd) noexcept {
    return meshgate::datagrams::receive_many(fd, headers_.data(), datagrams, MSG_DONTWAIT);
}

std::span<std::uint8_t> ReceiveBatch::datagram(std::size_t index) noexcept {
    return {bytes_->data() + index * datagram_bytes, headers_[index].msg_len};
}

}  // namespace meshgate::dns::forward
