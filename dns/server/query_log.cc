#include "dns/server/query_log.h"

#include "dns/wire/bytes.h"
#include "dns/wire/reply.h"

#include <algorithm>
#include <random>

namespace meshgate::dns::server {

QueryLog::QueryLog(std::size_t capacity, std::uint32_t one_in, ReplyClasses classes)
    : classes_(classes), one_in_(std::max<std::uint32_t>(one_in, 1)), until_next_(1),
      random_(std::random_device{}() | 1U), ring_(capacity) {
    until_next_ = draw();
}

bool QueryLog::is_wanted(std::span<const std::uint8_t> reply) const noexcept {
    if (reply.size() < wire::header_bytes) return false;
    const auto is = class_of(wire::header_rcode(reply), wire::read16(reply, 6));
    return (classes_ & static_cast<ReplyClasses>(is)) != 0;
}

/// 1 to 2 n - 1, so n on average: a pattern in the queries is no pattern in the log.
std::uint32_t QueryLog::draw() noexcept {
    if (one_in_ == 1) return 1;
    random_ ^= random_ << 13U;  // xorshift (Marsaglia 2003)
    random_ ^= random_ >> 17U;
    random_ ^= random_ << 5U;
    return 1 + random_ % (2 * one_in_ - 1);
}

void QueryLog::write(const LoggedQuery& query) noexcept {
    const std::size_t at = written_.load(std::memory_order_relaxed);
    if (at - read_.load(std::memory_order_acquire) == ring_.size()) return lost_.add();
    ring_[at & (ring_.size() - 1)] = query;
    written_.store(at + 1, std::memory_order_release);
}

std::size_t QueryLog::read(std::span<LoggedQuery> out) noexcept {
    const std::size_t first = read_.load(std::memory_order_relaxed);
    const std::size_t waiting = written_.load(std::memory_order_acquire) - first;
    const std::size_t count = std::min(waiting, out.size());
    for (std::size_t i = 0; i < count; ++i) out[i] = ring_[(first + i) & (ring_.size() - 1)];
    read_.store(first + count, std::memory_order_release);
    return count;
}

}  // namespace meshgate::dns::server
