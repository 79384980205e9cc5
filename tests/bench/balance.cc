// balance serve PORT: a server for the others, until it is ended.
// balance connections ADDRESS PORT COUNT: exchanges of 48 bytes, a connection each, one after the
//   other. Prints connections a second, the median and the 99th percentile in microseconds, and the
//   microseconds of CPU for each.
// balance stream ADDRESS PORT MEGABYTES: so much over one connection. Prints megabytes a second and
//   the microseconds of CPU for each.

#include "src/common/errors.h"
#include "src/common/unique_fd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <thread>
#include <vector>

using meshgate::throw_errno;
using meshgate::UniqueFd;

namespace {

using Clock = std::chrono::steady_clock;
using Message = std::array<char, 48>;

constexpr char exchange_begins = 'e', stream_begins = 's';
constexpr std::size_t piece_bytes = 1 << 17;
constexpr std::size_t megabyte = 1'000'000;

int checked(long result, const char* what) {
    if (result < 0) throw_errno(what);
    return static_cast<int>(result);
}

sockaddr_in endpoint(const char* address, std::uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_addr.s_addr = ::inet_addr(address);
    made.sin_port = htons(port);
    return made;
}

/// A client that went away is its own affair.
void drain(UniqueFd client) {
    std::vector<char> piece(piece_bytes);
    while (::recv(client.get(), piece.data(), piece.size(), 0) > 0) {}
    ::send(client.get(), "", 1, MSG_NOSIGNAL);
}

void serve(std::uint16_t port) {
    const UniqueFd fd{checked(::socket(AF_INET, SOCK_STREAM, 0), "socket")};
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto name = endpoint("0.0.0.0", port);
    checked(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), "bind");
    checked(::listen(fd.get(), 1024), "listen");
    std::puts("ready");
    std::fflush(stdout);
    Message message{};
    for (;;) {
        UniqueFd client{checked(::accept(fd.get(), nullptr, nullptr), "accept")};
        if (::recv(client.get(), message.data(), message.size(), 0) <= 0) continue;
        if (message[0] == stream_begins) {
            std::thread{drain, std::move(client)}.detach();
            continue;
        }
        ::send(client.get(), message.data(), message.size(), MSG_NOSIGNAL);
        ::recv(client.get(), message.data(), message.size(), 0);  // its end
    }
}

UniqueFd connected(const sockaddr_in& to) {
    UniqueFd fd{checked(::socket(AF_INET, SOCK_STREAM, 0), "socket")};
    checked(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
    return fd;
}

double cpu_us() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto us = [](const timeval& time) {
        return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
    };
    return us(used.ru_utime) + us(used.ru_stime);
}

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

void connections(const sockaddr_in& to, int count) {
    std::vector<double> times;
    Message message{exchange_begins};
    const linger reset{.l_onoff = 1, .l_linger = 0};  // no TIME_WAIT: ports would run out
    const auto begin = Clock::now();
    for (int i = 0; i < count; ++i) {
        const auto start = Clock::now();
        const auto fd = connected(to);
        checked(::send(fd.get(), message.data(), message.size(), 0), "send");
        if (::recv(fd.get(), message.data(), message.size(), 0) <= 0) throw_errno("recv", EPIPE);
        ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        times.push_back(1e6 * seconds_since(start));
    }
    const double rate = count / seconds_since(begin);
    std::ranges::sort(times);
    std::printf("%.0f %.1f %.1f %.2f\n", rate, times[times.size() / 2],
                times[times.size() * 99 / 100], cpu_us() / count);
}

void stream(const sockaddr_in& to, std::size_t megabytes) {
    const auto fd = connected(to);
    std::vector<char> piece(piece_bytes, 'x');
    Message first{stream_begins};
    checked(::send(fd.get(), first.data(), first.size(), 0), "send");
    const auto begin = Clock::now();
    for (std::size_t sent = 0; sent < megabytes * megabyte;) {
        sent += static_cast<std::size_t>(checked(::send(fd.get(), piece.data(), piece.size(), 0), "send"));
    }
    ::shutdown(fd.get(), SHUT_WR);
    ::recv(fd.get(), piece.data(), 1, 0);  // all of it has arrived
    std::printf("%.0f %.2f\n", static_cast<double>(megabytes) / seconds_since(begin),
                cpu_us() / static_cast<double>(megabytes));
}

}  // namespace

int main(int argc, char** argv) try {
    const std::string_view what{argc > 1 ? argv[1] : ""};
    if (what == "serve" && argc == 3) {
        serve(static_cast<std::uint16_t>(std::atoi(argv[2])));
    }
    if (argc != 5) return 2;
    const auto to = endpoint(argv[2], static_cast<std::uint16_t>(std::atoi(argv[3])));
    if (what == "connections") connections(to, std::atoi(argv[4]));
    if (what == "stream") stream(to, static_cast<std::size_t>(std::atoi(argv[4])));
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "balance: %s\n", error.what());
    return 1;
}
