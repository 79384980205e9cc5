#include "src/daemon/sd_notify.h"

#include "src/common/log.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>

namespace meshgate::daemon {
namespace {

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::optional<std::uint64_t> number(const std::string& text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

/// CLOCK_MONOTONIC in microseconds: the clock systemd compares with.
std::uint64_t monotonic_usec() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace

Notifier::Notifier(std::string_view address) : address_(address) {
    if (address_.empty()) return;
    if (!connect()) {
        log::warning("NOTIFY_SOCKET " + address_ + ": " + std::strerror(errno));
    }
}

Notifier Notifier::from_environment() {
    return Notifier{environment("NOTIFY_SOCKET")};
}

bool Notifier::connect() {
    sockaddr_un where{};
    if (address_.size() >= sizeof where.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (address_.front() != '/' && address_.front() != '@') {
        errno = EAFNOSUPPORT;
        return false;
    }
    where.sun_family = AF_UNIX;
    std::memcpy(where.sun_path, address_.data(), address_.size());
    if (address_.front() == '@') where.sun_path[0] = '\0';
    // An abstract name has no terminator: every byte counts (unix(7)).
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());

    UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!fd) return false;
    // A manager that does not read must not stop us.
    const timeval patience{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), length) != 0) return false;
    socket_ = std::move(fd);
    return true;
}

void Notifier::send(const std::string& message) {
    if (address_.empty()) return;
    if (socket_ && ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0) return;
    // The manager may have made its socket anew.
    if (connect()) {
        [[maybe_unused]] const auto sent =
            ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
    }
}

void Notifier::ready(std::string_view text) {
    send("READY=1\nSTATUS=" + std::string{text} + "\n");
}

void Notifier::reloading() {
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_usec()) + "\n");
}

void Notifier::stopping() {
    send("STOPPING=1\nSTATUS=draining\n");
}

void Notifier::alive() {
    send("WATCHDOG=1\n");
}

void Notifier::status(std::string_view text) {
    send("STATUS=" + std::string{text} + "\n");
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto interval = number(environment("WATCHDOG_USEC"));
    if (!interval || *interval < 2) return std::nullopt;
    const std::string pid = environment("WATCHDOG_PID");
    if (!pid.empty() && number(pid) != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
    return std::chrono::microseconds{*interval / 2};
}

}  // namespace meshgate::daemon
