#pragma once

#include "src/common/unique_fd.h"
#include "tests/unit/server/messages.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>

namespace meshgate::test {

/// A server to forward to, UDP and TCP on 127.0.0.1, that does what the first label of the name
/// says:
///   "N.size"   N bytes in all; TC over UDP where the query allows less
///   "silent"   nothing
///   "held"     answers when "release" is asked
///   "refuse"   REFUSED
///   "N.ttl"    one A record with that TTL
///   others     one A record
class Upstream {
public:
    Upstream();
    ~Upstream();
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    [[nodiscard]] const conf::SocketAddress& at() const noexcept { return address_; }
    [[nodiscard]] std::uint64_t queries() const noexcept { return queries_.load(); }

    enum class Mood : std::uint8_t { well, failing, silent };
    /// From now on: SERVFAIL to everything over UDP, or nothing.
    void set(Mood mood) noexcept { mood_ = mood; }

private:
    void run();
    void serve_udp();
    void serve_tcp(int fd);

    conf::SocketAddress address_;
    UniqueFd udp_;
    UniqueFd tcp_;
    UniqueFd stop_read_;
    UniqueFd stop_write_;
    std::map<int, UniqueFd> connections_;
    std::vector<std::pair<std::vector<std::uint8_t>, Bytes>> held_;  ///< peer, reply
    std::atomic<std::uint64_t> queries_{0};
    std::atomic<Mood> mood_{Mood::well};
    std::thread thread_;
};

}  // namespace meshgate::test
