#include "dns/server/tcp_connections.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace meshgate::dns::server {

namespace {

using Descriptor = asio::posix::stream_descriptor;

/// The idle timer never fires more often: a crowd of connections expires in few turns.
constexpr std::chrono::milliseconds idle_grain{100};

}  // namespace

TcpConnections::TcpConnections(asio::io_context& context, const Admission& admission,
                               Resolver& resolver, WorkerStats& stats, const WorkerLimits& limits)
    : context_(context), shared_(admission, resolver, stats, limits), idle_timer_(context) {}

void TcpConnections::adopt(UniqueFd fd, const TcpPeer& peer) {
    if (connections_.size() >= shared_.limits.tcp_connections && !close_idle()) {
        shared_.stats.drop(Dropped::tcp_limit);
        return;
    }
    const std::uint64_t id = ++last_id_;
    connections_.emplace_back(context_, std::move(fd), peer, id, shared_, *this);
    by_id_.emplace(id, std::prev(connections_.end()));
    arm(connections_.back());
    arm_idle_timer();
}

bool TcpConnections::close_idle() noexcept {
    const auto idle = std::find_if(connections_.begin(), connections_.end(),
                                   [](const TcpConnection& c) { return c.owes_nothing(); });
    if (idle == connections_.end()) return false;
    close(idle);
    return true;
}

void TcpConnections::drain() {
    std::vector<std::uint64_t> ids;
    ids.reserve(connections_.size());
    for (const TcpConnection& connection : connections_) ids.push_back(connection.id());
    for (const std::uint64_t id : ids) {
        by_id_.at(id)->on_readable();
        by_id_.at(id)->end_input();
        handle(id, &TcpConnection::on_writable);
    }
}

void TcpConnections::deliver(const Client& client, std::uint64_t ticket, Source,
                             std::span<const std::uint8_t> reply) noexcept {
    const auto found = by_id_.find(client.connection);
    if (found == by_id_.end()) return;
    found->second->reply(ticket, reply);
    if (std::exchange(found->second->step_posted, true)) return;
    // Later, because the connection may send new queries to the forwarder that is calling us; and
    // replies that came together leave in one write.
    asio::post(context_,
               [this, id = client.connection] { handle(id, &TcpConnection::on_replies); });
}

void TcpConnections::handle(std::uint64_t id, Event event) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    TcpConnection& connection = *found->second;
    const auto active = connection.last_active();
    (connection.*event)();
    if (connection.finished()) {
        close(found->second);
        return;
    }
    if (connection.last_active() != active)
        connections_.splice(connections_.end(), connections_, found->second);
    arm(connection);
}

void TcpConnections::arm(TcpConnection& connection) {
    if (connection.wants_read() && !std::exchange(connection.read_armed, true))
        wait(connection, Descriptor::wait_read);
    if (connection.wants_write() && !std::exchange(connection.write_armed, true))
        wait(connection, Descriptor::wait_write);
}

void TcpConnections::wait(TcpConnection& connection, Descriptor::wait_type what) {
    connection.socket().async_wait(
        what, [this, id = connection.id(), what](const boost::system::error_code& error) {
            const auto found = by_id_.find(id);
            if (error || found == by_id_.end()) return;
            const bool reading = what == Descriptor::wait_read;
            (reading ? found->second->read_armed : found->second->write_armed) = false;
            handle(id, reading ? &TcpConnection::on_readable : &TcpConnection::on_writable);
        });
}

void TcpConnections::close(List::iterator connection) noexcept {
    by_id_.erase(connection->id());
    connections_.erase(connection);
}

void TcpConnections::arm_idle_timer() {
    if (connections_.empty() || std::exchange(idle_timer_armed_, true)) return;
    const auto expiry = connections_.front().last_active() + shared_.limits.tcp_idle;
    idle_timer_.wait_until(std::max(expiry, Clock::now() + idle_grain), [this] {
        idle_timer_armed_ = false;
        close_expired();
        arm_idle_timer();
    });
}

void TcpConnections::close_expired() {
    const auto now = Clock::now();
    while (!connections_.empty() &&
           now - connections_.front().last_active() >= shared_.limits.tcp_idle) {
        TcpConnection& oldest = connections_.front();
        if (!oldest.awaits_upstream()) {
            close(connections_.begin());
            continue;
        }
        oldest.touch(now);  // it waits for us; the forwarder ends that
        connections_.splice(connections_.end(), connections_, connections_.begin());
    }
}

}  // namespace meshgate::dns::server
