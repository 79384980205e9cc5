#pragma once

#include "dns/server/access_list.h"
#include "dns/server/rate_limiter.h"
#include "dns/server/udp_path.h"

#include <chrono>
#include <cstdint>
#include <memory>

namespace meshgate::dns::server {

/// Who is answered at all: asked before a byte of a query is looked at, and not for what never left
/// this machine. One for a worker.
class Admission {
public:
    enum class Verdict : std::uint8_t {
        answer,
        refuse,    ///< may not ask: REFUSED
        truncate,  ///< asks too often: an empty answer with TC=1
        drop       ///< asks too often
    };

    /// Shared because all workers go by the same list. Without any, nobody from outside may ask.
    void set_access(std::shared_ptr<const AccessList> access) noexcept {
        access_ = std::move(access);
    }
    /// Queries a second of one source over UDP; 0: any number.
    void set_rate_limit(std::uint32_t queries_per_second) noexcept {
        limiter_.set_rate(queries_per_second);
    }

    /// A datagram's sender, who may be anybody: a refusal counts against the limit as well.
    Verdict judge(const Peer& client, std::chrono::steady_clock::time_point now) noexcept {
        switch (limiter_.judge(client, now)) {
        case RateLimiter::Judgement::truncate:
            return Verdict::truncate;
        case RateLimiter::Judgement::drop:
            return Verdict::drop;
        case RateLimiter::Judgement::within:
            break;
        }
        return may_ask(client) ? Verdict::answer : Verdict::refuse;
    }

    [[nodiscard]] bool may_ask(const Peer& client) const noexcept {
        return access_ != nullptr && access_->allows(client);
    }

private:
    std::shared_ptr<const AccessList> access_;
    RateLimiter limiter_;
};

}  // namespace meshgate::dns::server
