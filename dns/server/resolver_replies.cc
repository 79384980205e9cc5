#include "dns/server/resolver.h"

#include "dns/wire/reply.h"

#include <algorithm>

/// The second half of the resolver: what the upstreams say, to those who wait for it.
namespace meshgate::dns::server {
namespace {

wire::Ede explain(forward::Failure failure) noexcept {
    switch (failure) {
    case forward::Failure::no_upstream:
    case forward::Failure::timeout:
        return wire::Ede::no_reachable_authority;
    case forward::Failure::network:
    case forward::Failure::loop:
        return wire::Ede::network_error;
    case forward::Failure::overload:
        break;
    }
    return wire::Ede::other;
}

/// "Come back over TCP" says nothing to who is there: resolvers in libraries take an empty reply
/// over TCP for one that is whole, and the name for one without addresses.
bool is_no_reply_for(const PendingClient& pending, std::span<const std::uint8_t> reply) noexcept {
    return pending.client.proto == Proto::tcp && wire::is_truncated(reply);
}

}  // namespace

void Resolver::on_reply(std::uint64_t ticket, std::span<const std::uint8_t> reply) noexcept {
    const PendingClient* const leader = pending_.find(ticket);
    if (leader == nullptr) return;
    static_cast<void>(wire::parse_question(leader->query_view(), question_));
    if (leader->cacheable) {
        if (wire::header_rcode(reply) == wire::Rcode::servfail) {
            cache_.store_failure(question_, cache_clock());
        } else {
            cache_.store(question_, reply, cache_clock());
        }
        count_cache();
    }
    using wire::ReplyOptions;
    bool others = false;
    while (const auto follower = flights_.take_follower(ticket)) {
        others = true;
        const PendingClient* const pending = pending_.find(*follower);
        if (pending == nullptr) continue;
        static_cast<void>(wire::parse_question(pending->query_view(), question_));
        relay(*follower, reply, ReplyOptions::drop);
    }
    flights_.remove(ticket);
    if (others)
        static_cast<void>(wire::parse_question(pending_.find(ticket)->query_view(), question_));
    relay(ticket, reply, ReplyOptions::pass);
}

/// The reply to one who asked question_.
/// @param options  pass: to the one whose query went upstream
void Resolver::relay(std::uint64_t ticket, std::span<const std::uint8_t> reply,
                     wire::ReplyOptions options) noexcept {
    if (wire::header_rcode(reply) == wire::Rcode::servfail && give_stale(ticket)) return;
    const PendingClient& pending = *pending_.find(ticket);
    if (is_no_reply_for(pending, reply)) return fail(ticket, forward::Failure::network);
    const std::size_t bytes =
        wire::write_relayed(reply, question_, options, pending.limit, scratch_);
    if (bytes == 0) return fail(ticket, forward::Failure::network);
    finish(ticket, Source::upstream, scratch_.first(bytes));
}

void Resolver::on_failure(std::uint64_t ticket, forward::Failure failure) noexcept {
    const PendingClient* const leader = pending_.find(ticket);
    if (leader == nullptr) return;
    if (failure == forward::Failure::loop) stats_.loops.add();
    if (failure == forward::Failure::overload) stats_.drop(Dropped::overload);
    // What is our own fault says nothing of the name.
    const bool of_the_name =
        failure == forward::Failure::timeout || failure == forward::Failure::network;
    if (leader->cacheable && of_the_name) {
        static_cast<void>(wire::parse_question(leader->query_view(), question_));
        cache_.store_failure(question_, cache_clock());
        count_cache();
    }
    while (const auto follower = flights_.take_follower(ticket)) fail(*follower, failure);
    flights_.remove(ticket);
    fail(ticket, failure);
}

void Resolver::fail(std::uint64_t ticket, forward::Failure failure) noexcept {
    const PendingClient* const pending = pending_.find(ticket);
    if (pending == nullptr || give_stale(ticket)) return;
    static_cast<void>(wire::parse_question(pending->query_view(), question_));
    const std::size_t bytes =
        wire::write_error(question_, wire::Rcode::servfail, explain(failure), scratch_);
    finish(ticket, Source::local, scratch_.first(bytes));
}

/// Ends the client's wait with what was true a while ago. @return false when nothing was.
bool Resolver::give_stale(std::uint64_t ticket) noexcept {
    const PendingClient* const pending = pending_.find(ticket);
    if (!pending->cacheable) return false;
    static_cast<void>(wire::parse_question(pending->query_view(), question_));
    const std::size_t stale = stale_for(*pending);
    if (stale == 0) return false;
    finish(ticket, Source::stale, scratch_.first(stale));
    return true;
}

/// The upstream takes its time: the client gets what was true a while ago, the reply goes to the
/// cache when it comes.
void Resolver::on_patience_end(std::uint64_t ticket) noexcept {
    const PendingClient* const pending = pending_.find(ticket);
    if (pending == nullptr || pending->client.transport == nullptr) return;
    static_cast<void>(wire::parse_question(pending->query_view(), question_));
    const std::size_t stale = stale_for(*pending);
    if (stale == 0) return;
    cache_.store_failure(question_, cache_clock());  // others need not wait as well
    const PendingClient waiting = *pending;
    pending_.answered(ticket);
    deliver(waiting, ticket, Source::stale, scratch_.first(stale));
}

/// Writes a stale answer to question_, which is that client's, to scratch_. @return 0: none.
std::size_t Resolver::stale_for(const PendingClient& pending) noexcept {
    return cache_.answer_stale(question_, cache_clock(), std::min(pending.limit, scratch_.size()),
                               scratch_);
}

void Resolver::finish(std::uint64_t ticket, Source source,
                      std::span<const std::uint8_t> reply) noexcept {
    // Taken out first: the transport may ask for more room while it delivers.
    const PendingClient pending = *pending_.find(ticket);
    pending_.remove(ticket);
    if (pending.client.transport != nullptr) deliver(pending, ticket, source, reply);
}

void Resolver::deliver(const PendingClient& pending, std::uint64_t ticket, Source source,
                       std::span<const std::uint8_t> reply) noexcept {
    stats_.responded(source, static_cast<unsigned>(wire::header_rcode(reply)));
    stats_.took(Clock::now() - pending.arrived);
    if (query_log_ && query_log_->takes_this(reply)) log_delivery(pending, source, reply);
    pending.client.transport->deliver(pending.client, ticket, source, reply);
}

}  // namespace meshgate::dns::server
