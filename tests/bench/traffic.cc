// traffic tcp|udp|udp-reused ADDRESS PORT SERVER_PORT COUNT: exchanges of 48 bytes, one after the
// other, between a client (uid 1000) and a server (uid 5678, on 127.0.0.1 or, for TCP, everywhere)
// on one core; prints the microseconds of CPU that both took for each. TCP goes to 250 addresses
// from ADDRESS on, so that ports do not run out.

#include "src/common/errors.h"
#include "src/common/unique_fd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

using meshgate::throw_errno;
using meshgate::UniqueFd;

namespace {

using Message = std::array<char, 48>;

constexpr uid_t proxy = 5678, application = 1000;

struct Run {
    bool tcp, one_socket;
    in_addr_t address;  ///< host byte order
    std::uint16_t port, server_port;
    int count;
};

int checked(int result, const char* what) {
    if (result < 0) throw_errno(what);
    return result;
}

sockaddr_in endpoint(in_addr_t address, std::uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_addr.s_addr = htonl(address);
    made.sin_port = htons(port);
    return made;
}

UniqueFd server_socket(const Run& run) {
    UniqueFd fd{checked(::socket(AF_INET, run.tcp ? SOCK_STREAM : SOCK_DGRAM, 0), "socket")};
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto name = endpoint(run.tcp ? INADDR_ANY : INADDR_LOOPBACK, run.server_port);
    checked(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), "bind");
    if (run.tcp) checked(::listen(fd.get(), 64), "listen");
    return fd;
}

void serve(const Run& run, int fd) {
    Message message{};
    for (int i = 0; i < run.count; ++i) {
        if (run.tcp) {
            const UniqueFd client{checked(::accept(fd, nullptr, nullptr), "accept")};
            checked(static_cast<int>(::recv(client.get(), message.data(), message.size(), 0)),
                    "recv");
            checked(static_cast<int>(::send(client.get(), message.data(), message.size(), 0)),
                    "send");
            ::recv(client.get(), message.data(), message.size(), 0);  // its end
            continue;
        }
        sockaddr_in peer{};
        socklen_t length = sizeof peer;
        auto* name = reinterpret_cast<sockaddr*>(&peer);
        checked(static_cast<int>(::recvfrom(fd, message.data(), message.size(), 0, name, &length)),
                "recvfrom");
        checked(static_cast<int>(::sendto(fd, message.data(), message.size(), 0, name, length)),
                "sendto");
    }
}

UniqueFd connected(const Run& run, int number) {
    UniqueFd fd{checked(::socket(AF_INET, run.tcp ? SOCK_STREAM : SOCK_DGRAM, 0), "socket")};
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const auto offset = static_cast<in_addr_t>(run.tcp ? number % 250 : 0);
    const auto name = endpoint(run.address + offset, run.port);
    checked(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), "connect");
    return fd;
}

void exchange(int fd) {
    Message message{};
    checked(static_cast<int>(::send(fd, message.data(), message.size(), 0)), "send");
    checked(static_cast<int>(::recv(fd, message.data(), message.size(), 0)), "recv");
}

void ask(const Run& run) {
    UniqueFd fd;
    for (int i = 0; i < run.count; ++i) {
        if (i == 0 || !run.one_socket) fd = connected(run, i);
        exchange(fd.get());
    }
}

template <class Work>
pid_t child(uid_t uid, Work work) {
    const pid_t pid = checked(::fork(), "fork");
    if (pid != 0) return pid;
    try {
        checked(::setuid(uid), "setuid");
        work();
        std::_Exit(0);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "traffic: %s\n", error.what());
        std::_Exit(1);
    }
}

double microseconds_of(pid_t pid) {
    int status = 0;
    rusage used{};
    checked(::wait4(pid, &status, 0, &used), "wait4");
    if (status != 0) throw_errno("a child", EIO);
    const auto us = [](const timeval& time) {
        return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
    };
    return us(used.ru_utime) + us(used.ru_stime);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 6) return 2;
    const std::string_view kind{argv[1]};
    const Run run{.tcp = kind == "tcp",
                  .one_socket = kind == "udp-reused",
                  .address = ::ntohl(::inet_addr(argv[2])),
                  .port = static_cast<std::uint16_t>(std::atoi(argv[3])),
                  .server_port = static_cast<std::uint16_t>(std::atoi(argv[4])),
                  .count = std::atoi(argv[5])};
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    ::sched_setaffinity(0, sizeof one, &one);
    // A socket counts for the user that made it.
    checked(::seteuid(proxy), "seteuid");
    const auto socket = server_socket(run);
    checked(::seteuid(0), "seteuid");
    const pid_t server = child(proxy, [&] { serve(run, socket.get()); });
    const pid_t client = child(application, [&] { ask(run); });
    const double used = microseconds_of(client) + microseconds_of(server);
    std::printf("%.2f\n", used / run.count);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "traffic: %s\n", error.what());
    return 1;
}
