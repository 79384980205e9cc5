#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace meshgate::dns::forward {

/// Room for several datagrams of any size, read by one system call. One for each forwarder: its
/// sockets read in turn.
class ReceiveBatch {
public:
    static constexpr std::size_t datagrams = 8;
    static constexpr std::size_t datagram_bytes = 65536;

    ReceiveBatch();

    /// @return datagrams read; -1 with errno.
    int receive(int fd) noexcept;
    [[nodiscard]] std::span<std::uint8_t> datagram(std::size_t index) noexcept;

private:
    std::unique_ptr<std::array<std::uint8_t, datagrams * datagram_bytes>> bytes_;
    std::array<iovec, datagrams> vectors_{};
    std::array<mmsghdr, datagrams> headers_{};
};

}  // namespace meshgate::dns::forward
