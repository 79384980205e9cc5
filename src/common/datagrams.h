#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>

/// send(2), sendmmsg(2) and recvmmsg(2) as the kernel has them. The C library makes each of them a
/// cancellation point, with two locked instructions a call in a program that has threads: a
/// fortieth of what a forwarded query costs. Nobody here cancels threads.
namespace meshgate::datagrams {

inline ssize_t send(int fd, const void* bytes, std::size_t count, int flags) noexcept {
    return ::syscall(SYS_sendto, fd, bytes, count, flags, nullptr, 0);
}

inline int send_many(int fd, mmsghdr* messages, unsigned count, int flags) noexcept {
    return static_cast<int>(::syscall(SYS_sendmmsg, fd, messages, count, flags));
}

inline int receive_many(int fd, mmsghdr* messages, unsigned count, int flags) noexcept {
    return static_cast<int>(::syscall(SYS_recvmmsg, fd, messages, count, flags, nullptr));
}

}  // namespace meshgate::datagrams
