#include "dns/server/tracer.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace meshgate::dns::server {

Tracer::Tracer(Resolver& resolver) : resolver_(resolver) {}

void Tracer::ask(std::span<const std::uint8_t> query, TraceDone done) {
    if (asked_.size() >= asked_max) return;
    answer_.resize(wire::message_bytes_max);
    Asked asked{0, {}, std::make_shared<forward::Trace>(), std::move(done)};
    asked.report.began = Clock::now();
    asked.report.kept = resolver_.kept(query);
    auto verdict = resolver_.answer(query, Proto::tcp, Origin::here, answer_);
    if (verdict.next == Resolver::Next::forward) {
        const Client client{this, Proto::tcp, 0, {}};
        const auto forwarded = resolver_.forward(client, asked.report.began, answer_, asked.trace);
        if (forwarded.ticket != 0) {
            asked.ticket = forwarded.ticket;
            asked_.push_back(std::move(asked));
            return;
        }
        verdict = forwarded.verdict;
    }
    finish(std::move(asked), verdict.source, std::span{answer_}.first(verdict.bytes));
}

void Tracer::deliver(const Client&, std::uint64_t ticket, Source source,
                     std::span<const std::uint8_t> reply) noexcept {
    const auto found = std::find_if(asked_.begin(), asked_.end(), [ticket](const Asked& asked) {
        return asked.ticket == ticket;
    });
    if (found == asked_.end()) return;
    Asked asked = std::move(*found);
    asked_.erase(found);
    try {
        finish(std::move(asked), source, reply);
    } catch (const std::exception&) {  // no memory: who asked gives up waiting
    }
}

/// The steps are copied: when the answer is a stale one, the way upstream goes on without us.
void Tracer::finish(Asked asked, Source source, std::span<const std::uint8_t> reply) {
    TraceReport& report = asked.report;
    report.ended = Clock::now();
    report.source = source;
    report.reply.assign(reply.begin(), reply.end());
    report.steps.assign(asked.trace->steps().begin(), asked.trace->steps().end());
    asked.done(std::move(report));
}

}  // namespace meshgate::dns::server
