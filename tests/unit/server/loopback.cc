#include "tests/unit/server/loopback.h"

#include "dns/server/sockets.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <stdexcept>

namespace meshgate::test {

namespace {

void put16(Bytes& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

bool ends_in_own(std::span<const std::uint8_t> lower) {
    constexpr std::string_view suffix{"\3own\0", 5};
    return lower.size() >= suffix.size() &&
           std::equal(suffix.begin(), suffix.end(), lower.end() - std::ptrdiff_t{suffix.size()});
}

/// N of "N.big.own", else 0.
std::size_t wanted_size(std::span<const std::uint8_t> lower) {
    const std::string_view name{reinterpret_cast<const char*>(lower.data()), lower.size()};
    const std::size_t label = lower[0];
    if (name.size() <= label + 1 || !name.substr(label + 1).starts_with("\3big")) return 0;
    std::size_t size = 0;
    std::from_chars(name.data() + 1, name.data() + 1 + label, size);
    return size;
}

bool readable(int fd, std::chrono::milliseconds wait) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, static_cast<int>(wait.count())) > 0;
}

}  // namespace

std::size_t HandTable::answer(const dns::wire::Question& question, std::size_t limit,
                              std::span<std::uint8_t> out) const noexcept {
    if (!ends_in_own(question.lower())) return 0;
    const auto head = question.message.first(question.end());
    std::copy(head.begin(), head.end(), out.begin());
    out[2] = 0x85;
    out[3] = 0x80;
    std::fill(out.begin() + 6, out.begin() + 12, std::uint8_t{0});
    const std::size_t size = std::max(wanted_size(question.lower()), head.size() + 16);
    if (size > limit) {
        out[2] |= 0x02;
        return head.size();
    }
    out[7] = 1;
    const std::size_t rdata = size - head.size() - 12;
    const std::uint8_t record[12] = {0xc0,
                                     12,
                                     0,
                                     1,
                                     0,
                                     1,
                                     0,
                                     0,
                                     0,
                                     30,
                                     static_cast<std::uint8_t>(rdata >> 8),
                                     static_cast<std::uint8_t>(rdata)};
    std::copy(std::begin(record), std::end(record),
              out.begin() + static_cast<std::ptrdiff_t>(head.size()));
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(head.size() + 12),
              out.begin() + static_cast<std::ptrdiff_t>(size), version_);
    return size;
}

Server::Server(const Options& options) {
    std::vector<conf::SocketAddress> listen;
    for (const auto& text : options.listen) listen.push_back(address(text));
    auto bound = dns::server::bind_sockets(listen, options.workers);
    addresses_ = std::move(bound.addresses);
    const auto table = std::make_shared<HandTable>();
    for (auto& sockets : bound.workers) {
        workers_.push_back(
            std::make_unique<dns::server::Worker>(std::move(sockets), options.limits));
        if (options.with_table) workers_.back()->set_tables(table);
        threads_.emplace_back([worker = workers_.back().get()] { worker->run(); });
    }
}

Server::~Server() {
    stop(std::chrono::milliseconds{0});
}

void Server::set_table(std::shared_ptr<const dns::zone::Table> table) {
    for (auto& each : workers_) each->set_tables(table).get();
}

void Server::stop(std::chrono::milliseconds drain_patience) {
    for (auto& each : workers_) each->drain(drain_patience);
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

Client::Client(Kind kind, const conf::SocketAddress& server) : kind_(kind) {
    sockaddr_storage to{};
    const bool v4 = server.address.family() == conf::Family::ipv4;
    to.ss_family = v4 ? AF_INET : AF_INET6;
    const auto bytes = server.address.bytes();
    if (v4) {
        reinterpret_cast<sockaddr_in&>(to).sin_port = htons(server.port);
        std::memcpy(&reinterpret_cast<sockaddr_in&>(to).sin_addr, bytes.data(), bytes.size());
    } else {
        reinterpret_cast<sockaddr_in6&>(to).sin6_port = htons(server.port);
        std::memcpy(&reinterpret_cast<sockaddr_in6&>(to).sin6_addr, bytes.data(), bytes.size());
    }
    fd_ = UniqueFd{::socket(to.ss_family, kind == Kind::udp ? SOCK_DGRAM : SOCK_STREAM, 0)};
    const socklen_t size = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0)
        throw std::runtime_error{"connect"};
}

void Client::send(std::span<const std::uint8_t> bytes) {
    std::size_t sent = 0;
    do {
        const ssize_t n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n < 0) return;  // the test looks at what comes back
        sent += static_cast<std::size_t>(n);
    } while (sent < bytes.size());
}

void Client::send_message(std::span<const std::uint8_t> message) {
    Bytes framed;
    if (kind_ == Kind::tcp) put16(framed, static_cast<unsigned>(message.size()));
    // Not insert(): g++ 12 sees an overflow in it at -O2 that is not there.
    std::copy(message.begin(), message.end(), std::back_inserter(framed));
    send(framed);
}

std::optional<Bytes> Client::receive(std::chrono::milliseconds wait) {
    if (kind_ == Kind::udp) {
        if (!readable(fd_.get(), wait)) return std::nullopt;
        Bytes out(65536);
        const ssize_t n = ::recv(fd_.get(), out.data(), out.size(), 0);
        if (n < 0) return std::nullopt;
        out.resize(static_cast<std::size_t>(n));
        return out;
    }
    std::uint8_t length[2];
    if (!read_exactly(length, wait)) return std::nullopt;
    Bytes out(static_cast<std::size_t>(length[0] << 8 | length[1]));
    if (!read_exactly(out, wait)) return std::nullopt;
    return out;
}

bool Client::wait_readable(std::chrono::milliseconds wait) {
    return readable(fd_.get(), wait);
}

bool Client::closed_by_server() {
    std::uint8_t byte;
    while (readable(fd_.get(), patience))
        if (::recv(fd_.get(), &byte, 1, 0) <= 0) return true;
    return false;
}

void Client::end_input() {
    ::shutdown(fd_.get(), SHUT_WR);
}

bool Client::read_exactly(std::span<std::uint8_t> out, std::chrono::milliseconds wait) {
    while (!out.empty()) {
        if (!readable(fd_.get(), wait)) return false;
        const ssize_t n = ::recv(fd_.get(), out.data(), out.size(), 0);
        if (n <= 0) return false;
        out = out.subspan(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace meshgate::test
