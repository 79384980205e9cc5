#include "tests/unit/server/upstream.h"

#include "dns/server/sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace meshgate::test {

namespace {

std::string_view label(const Bytes& message, std::size_t n) {
    std::size_t at = 12;
    for (; n > 0; --n) at += message[at] + 1U;
    return {reinterpret_cast<const char*>(&message[at + 1]), message[at]};
}

bool is(std::string_view got, std::string_view wanted) {
    return std::equal(got.begin(), got.end(), wanted.begin(), wanted.end(),
                      [](char a, char b) { return (a | 0x20) == b; });  // 0x20 case
}

std::size_t question_end(const Bytes& message) {
    std::size_t at = 12;
    while (message[at] != 0) at += message[at] + 1U;
    return at + 5;
}

std::size_t udp_size(const Bytes& message) {
    if (message[11] == 0) return 512;
    const std::size_t opt = question_end(message);
    return std::max<std::size_t>(512, message[opt + 3] << 8 | message[opt + 4]);
}

Bytes answer(const Bytes& asked, bool over_udp) {
    const std::size_t end = question_end(asked);
    Bytes out{asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(end)};
    out[2] = 0x81;
    out[3] = 0x80;
    std::fill(out.begin() + 6, out.begin() + 12, std::uint8_t{0});
    const auto first = label(asked, 0);
    if (is(first, "refuse")) {
        out[3] |= 5;
        return out;
    }
    std::size_t size = end + 16;
    if (is(label(asked, 1), "size"))
        std::from_chars(first.data(), first.data() + first.size(), size);
    if (over_udp && size > udp_size(asked)) {
        out[2] |= 2;
        return out;
    }
    out[7] = 1;
    const std::size_t rdata = size - end - 12;
    std::uint8_t ttl = 60;
    if (is(label(asked, 1), "ttl")) {
        std::from_chars(first.data(), first.data() + first.size(), ttl);
    }
    out.insert(out.end(),
               {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, static_cast<std::uint8_t>(rdata >> 8),
                static_cast<std::uint8_t>(rdata)});
    out.resize(size, 9);
    return out;
}

Bytes failure(const Bytes& asked) {
    const std::size_t end = question_end(asked);
    Bytes out{asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(end)};
    out[2] = 0x81;
    out[3] = 0x82;
    std::fill(out.begin() + 6, out.begin() + 12, std::uint8_t{0});
    return out;
}

}  // namespace

Upstream::Upstream() {
    const auto any = address("127.0.0.1");
    auto bound = dns::server::bind_sockets({&any, 1}, 1);
    address_ = bound.addresses[0];
    udp_ = std::move(bound.workers[0].udp[0]);
    tcp_ = std::move(bound.workers[0].tcp[0]);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    stop_read_ = UniqueFd{ends[0]};
    stop_write_ = UniqueFd{ends[1]};
    thread_ = std::thread{[this] { run(); }};
}

Upstream::~Upstream() {
    stop_write_.reset();
    thread_.join();
}

void Upstream::run() {
    while (true) {
        std::vector<pollfd> wait{
            {stop_read_.get(), POLLIN, 0}, {udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
        for (const auto& [fd, owner] : connections_) wait.push_back({fd, POLLIN, 0});
        ::poll(wait.data(), wait.size(), -1);
        if (wait[0].revents != 0) return;
        if (wait[1].revents != 0) serve_udp();
        if (wait[2].revents != 0) {
            UniqueFd fd{::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (fd) connections_.emplace(fd.get(), std::move(fd));
        }
        for (std::size_t i = 3; i < wait.size(); ++i)
            if (wait[i].revents != 0) serve_tcp(wait[i].fd);
    }
}

void Upstream::serve_udp() {
    Bytes asked(65536);
    std::vector<std::uint8_t> peer(sizeof(sockaddr_storage));
    auto bytes = static_cast<socklen_t>(peer.size());
    const ssize_t n = ::recvfrom(udp_.get(), asked.data(), asked.size(), 0,
                                 reinterpret_cast<sockaddr*>(peer.data()), &bytes);
    if (n < 17) return;
    asked.resize(static_cast<std::size_t>(n));
    peer.resize(bytes);
    ++queries_;
    if (mood_ == Mood::silent || is(label(asked, 0), "silent")) return;
    held_.emplace_back(std::move(peer), answer(asked, true));
    if (mood_ == Mood::failing) held_.back().second = failure(asked);
    if (is(label(asked, 0), "held")) return;
    std::reverse(held_.begin(), held_.end());  // what was asked last is answered first
    const bool all = is(label(asked, 0), "release");
    for (std::size_t i = 0; i < (all ? held_.size() : 1); ++i)
        ::sendto(udp_.get(), held_[i].second.data(), held_[i].second.size(), 0,
                 reinterpret_cast<const sockaddr*>(held_[i].first.data()),
                 static_cast<socklen_t>(held_[i].first.size()));
    held_.erase(held_.begin(), all ? held_.end() : held_.begin() + 1);
    std::reverse(held_.begin(), held_.end());
}

void Upstream::serve_tcp(int fd) {
    std::uint8_t length[2];
    if (::recv(fd, length, 2, MSG_WAITALL) != 2) {
        connections_.erase(fd);
        return;
    }
    Bytes asked(static_cast<std::size_t>(length[0] << 8 | length[1]));
    if (::recv(fd, asked.data(), asked.size(), MSG_WAITALL) != static_cast<ssize_t>(asked.size()))
        return;
    ++queries_;
    if (is(label(asked, 0), "silent")) return;
    Bytes reply = answer(asked, false);
    const std::uint8_t head[2] = {static_cast<std::uint8_t>(reply.size() >> 8),
                                  static_cast<std::uint8_t>(reply.size())};
    reply.insert(reply.begin(), head, head + 2);
    std::size_t sent = 0;
    while (sent < reply.size()) {
        const ssize_t n = ::send(fd, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<std::size_t>(n);
    }
}

}  // namespace meshgate::test
