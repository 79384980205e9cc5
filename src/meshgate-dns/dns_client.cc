#include "src/meshgate-dns/dns_client.h"

#include "src/common/errors.h"
#include "src/common/unique_fd.h"
#include "src/daemon/sockaddr.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>

namespace meshgate::dnsd {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{6};
constexpr std::size_t message_bytes_max = 65535;
constexpr std::size_t header_bytes = 12;

[[noreturn]] void no_answer(const conf::SocketAddress& server) {
    throw std::runtime_error("no answer from " + server.to_string());
}

bool answers(const Bytes& reply, std::span<const std::uint8_t> query) {
    return reply.size() >= header_bytes && reply[0] == query[0] && reply[1] == query[1] &&
           (reply[2] & 0x80U) != 0;
}

UniqueFd connected(const conf::SocketAddress& server, int type) {
    const daemon::KernelAddress where = daemon::to_kernel(server);
    UniqueFd fd{::socket(where.get()->sa_family, type | SOCK_CLOEXEC, 0)};
    if (!fd) throw_errno(server.to_string());
    const timeval limit{patience.count(), 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(fd.get(), where.get(), where.length) == 0) return fd;
    if (errno == ECONNREFUSED) return {};
    throw_errno(server.to_string());
}

/// none: the port is closed.
std::optional<Bytes> ask_udp(const conf::SocketAddress& server,
                             std::span<const std::uint8_t> query) {
    const UniqueFd fd = connected(server, SOCK_DGRAM);
    if (::send(fd.get(), query.data(), query.size(), MSG_NOSIGNAL) < 0) {
        throw_errno(server.to_string());
    }
    const auto end = Clock::now() + patience;
    Bytes reply;
    while (true) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        pollfd ready{fd.get(), POLLIN, 0};
        if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) == 0) no_answer(server);
        reply.resize(message_bytes_max);
        const auto n = ::recv(fd.get(), reply.data(), reply.size(), MSG_DONTWAIT);
        if (n < 0 && errno == ECONNREFUSED) return std::nullopt;
        reply.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
        if (answers(reply, query)) return reply;
    }
}

void read_exactly(const UniqueFd& fd, std::span<std::uint8_t> out,
                  const conf::SocketAddress& server) {
    while (!out.empty()) {
        const auto n = ::recv(fd.get(), out.data(), out.size(), 0);
        if (n <= 0) no_answer(server);
        out = out.subspan(static_cast<std::size_t>(n));
    }
}

std::optional<Bytes> ask_tcp(const conf::SocketAddress& server,
                             std::span<const std::uint8_t> query) {
    const UniqueFd fd = connected(server, SOCK_STREAM);
    if (!fd) return std::nullopt;
    // RFC 1035 section 4.2.2: two bytes of length before each message.
    Bytes framed{static_cast<std::uint8_t>(query.size() >> 8U),
                 static_cast<std::uint8_t>(query.size() & 0xffU)};
    framed.insert(framed.end(), query.begin(), query.end());
    if (::send(fd.get(), framed.data(), framed.size(), MSG_NOSIGNAL) < 0) no_answer(server);
    std::array<std::uint8_t, 2> length{};
    read_exactly(fd, length, server);
    Bytes reply(static_cast<std::size_t>(length[0] << 8U | length[1]));
    read_exactly(fd, reply, server);
    if (!answers(reply, query)) no_answer(server);
    return reply;
}

}  // namespace

std::optional<Bytes> ask_dns(const conf::SocketAddress& server,
                             std::span<const std::uint8_t> query) {
    auto reply = ask_udp(server, query);
    const bool truncated = reply && ((*reply)[2] & 0x02U) != 0;
    return truncated ? ask_tcp(server, query) : reply;
}

}  // namespace meshgate::dnsd
