#pragma once

#include "dns/server/worker.h"
#include "src/common/unique_fd.h"
#include "tests/unit/server/messages.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// What the server tests share: a table made by hand, a worker in its thread, clients on loopback.
namespace meshgate::test {

/// Longest wait for something that has to happen.
inline constexpr std::chrono::seconds patience{20};

/// Owns every name that ends in ".own". "N.big.own" is answered with N bytes in all; others with
/// one A record whose last byte is the version.
class HandTable final : public dns::zone::Table {
public:
    explicit HandTable(std::uint8_t version = 1) : version_(version) {}
    std::size_t answer(const dns::wire::Question& question, std::size_t limit,
                       std::span<std::uint8_t> out) const noexcept override;
    [[nodiscard]] std::size_t names() const noexcept override { return 1; }

private:
    std::uint8_t version_;
};

/// Workers in threads of their own, drained at the end.
class Server {
public:
    struct Options {
        std::vector<std::string> listen{"127.0.0.1"};
        std::size_t workers = 1;
        dns::server::WorkerLimits limits{};
        bool with_table = true;
    };
    Server() : Server(Options{}) {}
    explicit Server(const Options& options);
    ~Server();

    [[nodiscard]] const conf::SocketAddress& at(std::size_t i = 0) const {
        return addresses_.at(i);
    }
    dns::server::Worker& worker(std::size_t i = 0) { return *workers_.at(i); }
    [[nodiscard]] const dns::server::WorkerStats& stats() const {
        return workers_.front()->stats();
    }
    void set_table(std::shared_ptr<const dns::zone::Table> table);
    /// Drains every worker and waits until their run() returned.
    void stop(std::chrono::milliseconds drain_patience = std::chrono::seconds{5});

private:
    std::vector<conf::SocketAddress> addresses_;
    std::vector<std::unique_ptr<dns::server::Worker>> workers_;
    std::vector<std::thread> threads_;
};

enum class Kind { udp, tcp };

/// A connected client socket.
class Client {
public:
    Client(Kind kind, const conf::SocketAddress& server);

    void send(std::span<const std::uint8_t> bytes);            ///< as they are
    void send_message(std::span<const std::uint8_t> message);  ///< TCP: with its length
    /// UDP: a datagram. TCP: a whole message. Empty when none comes, or the connection ends.
    std::optional<Bytes> receive(std::chrono::milliseconds wait = patience);
    bool wait_readable(std::chrono::milliseconds wait);
    /// TCP: true when the server closes (FIN or RST) in time.
    bool closed_by_server();
    void end_input();  ///< half-close
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    bool read_exactly(std::span<std::uint8_t> out, std::chrono::milliseconds wait);

    Kind kind_;
    UniqueFd fd_;
};

/// Waits until `done` holds. @return false after patience.
template <class Condition>
bool eventually(Condition done) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

}  // namespace meshgate::test
