#include "dns/server/resolver.h"

#include "dns/server/chaos.h"
#include "dns/wire/reply.h"
#include "src/common/asio.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace meshgate::dns::server {

namespace {

unsigned rcode_of(std::span<const std::uint8_t> message) noexcept {
    return message.size() > 3 ? message[3] & 0x0fU : 0;
}

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

/// Seconds that go on while the machine sleeps: so do the lives of the answers.
std::uint32_t cache_clock() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint32_t>(now.tv_sec);
}

bool is_transfer(const wire::Question& question) noexcept {
    return question.qtype == wire::type::axfr || question.qtype == wire::type::ixfr;
}

/// 0 for TCP: a loop begins with a datagram.
std::uint16_t source_port(const Client& client) noexcept {
    return client.proto == Proto::udp ? port(client.path.peer) : 0;
}

}  // namespace

Resolver::Resolver(asio::io_context& context, WorkerStats& stats, std::size_t cache_bytes,
                   const forward::Limits& limits)
    : stats_(stats), pending_(limits.in_flight),
      flights_(limits.in_flight, std::max<std::size_t>(limits.in_flight / 4, 1)),
      scratch_memory_(std::make_unique_for_overwrite<std::uint8_t[]>(wire::message_bytes_max)),
      scratch_(scratch_memory_.get(), wire::message_bytes_max), cache_(cache_bytes),
      patience_(context, limits.in_flight,
                [this](std::uint64_t ticket) { on_patience_end(ticket); }),
      forwarder_(context, *this, limits) {}

void Resolver::set_tables(std::shared_ptr<const zone::Table> owned,
                          std::shared_ptr<const zone::Table> special) noexcept {
    owned_ = std::move(owned);
    special_ = std::move(special);
}

void Resolver::set_routes(const std::vector<forward::Route>& routes) {
    forwarder_.set_routes(routes);
    std::vector<std::vector<std::uint8_t>> suffixes;
    for (const forward::Route& route : routes) suffixes.push_back(route.suffix);
    if (suffixes == suffixes_) return;
    suffixes_ = std::move(suffixes);
    flush({});
    pending_.forbid_caching();
    flights_.close_all();
}

std::vector<forward::UpstreamState> Resolver::upstreams() {
    stats_.ignored_replies.add(forwarder_.ignored_replies() - stats_.ignored_replies.get());
    return forwarder_.upstreams();
}

Resolver::Verdict Resolver::answer(std::span<const std::uint8_t> message, Proto proto,
                                   Origin origin, std::span<std::uint8_t> out) noexcept {
    using wire::Parsed, wire::Rcode, wire::Ede;
    switch (wire::parse_question(message, question_)) {
    case Parsed::question:
        break;
    case Parsed::drop:
        stats_.drop(Dropped::malformed);
        return {Next::drop, 0};
    case Parsed::formerr:
        return {Next::send, local(Rcode::formerr, Ede::none, out)};
    case Parsed::notimp:
        return {Next::send, local(Rcode::notimp, Ede::none, out)};
    case Parsed::badvers:
        return {Next::send, local(Rcode::badvers, Ede::none, out)};
    }
    if (!owned_) return {Next::send, local(Rcode::servfail, Ede::not_ready, out)};
    limit_ = proto == Proto::tcp ? wire::message_bytes_max
                                 : wire::udp_limit(question_, path_payload_max(origin));
    if (const std::size_t bytes = owned_->answer(question_, limit_, out); bytes != 0) {
        return sent(Source::owned, out.first(bytes));
    }
    if (is_transfer(question_)) return {Next::send, local(Rcode::refused, Ede::none, out)};
    return from_cache(origin, out);
}

Resolver::Verdict Resolver::sent(Source source, std::span<const std::uint8_t> answer) noexcept {
    stats_.responded(source, rcode_of(answer));
    return {Next::send, answer.size()};
}

/// Answers the last question from the cache; says that an upstream has to when it cannot.
Resolver::Verdict Resolver::from_cache(Origin origin, std::span<std::uint8_t> out) noexcept {
    cacheable_ = cache::may_be_cached(question_);
    if (!cacheable_) {
        if (question_.qclass != wire::qclass::chaos) return ask_outside(out);
        return sent(Source::local, out.first(answer_chaos(question_, origin, out)));
    }
    const std::uint32_t now = cache_clock();
    const auto fresh = cache_.answer(question_, now, limit_, out);
    if (fresh.bytes != 0) {
        if (fresh.refresh) refresh();
        return sent(Source::cache, out.first(fresh.bytes));
    }
    if (!cache_.is_failing(question_, now)) return ask_outside(out);
    const std::size_t stale = cache_.answer_stale(question_, now, limit_, out);
    if (stale == 0) return ask_outside(out);
    return sent(Source::stale, out.first(stale));
}

/// An upstream has to answer the last question, unless it is one that must not go out.
Resolver::Verdict Resolver::ask_outside(std::span<std::uint8_t> out) noexcept {
    if (!special_ || forwarder_.has_own_route(question_.lower())) return {Next::forward, 0};
    const std::size_t bytes = special_->answer(question_, limit_, out);
    if (bytes == 0) return {Next::forward, 0};
    return sent(Source::local, out.first(bytes));
}

/// Asks upstream for the last question though nobody waits: the cache's answer ends soon.
void Resolver::refresh() noexcept {
    const Client nobody{nullptr, Proto::tcp, 0, {}};
    const auto [outcome, ticket] = pending_.add(nobody, question_, limit_, Clock::now(), true);
    if (outcome != PendingClients::Outcome::added) return;
    const auto role = flights_.join(question_, ticket);
    if (role == Flights::Role::leads && forwarder_.forward(question_, ticket)) return;
    flights_.remove(ticket);
    pending_.remove(ticket);
}

Resolver::Verdict Resolver::reject(std::span<const std::uint8_t> message, Rejection why,
                                   std::span<std::uint8_t> out) noexcept {
    if (wire::parse_question(message, question_) == wire::Parsed::drop) {
        stats_.drop(Dropped::malformed);
        return {Next::drop, 0};
    }
    using wire::Rcode, wire::Ede;
    switch (why) {
    case Rejection::cut:
        return {Next::send, local(Rcode::formerr, Ede::none, out)};
    case Rejection::prohibited:
        return {Next::send, local(Rcode::refused, Ede::prohibited, out)};
    case Rejection::too_often:
        break;
    }
    const Verdict verdict{Next::send, local(Rcode::noerror, Ede::none, out)};
    out[2] |= wire::flag::tc >> 8U;
    return verdict;
}

Resolver::Forwarded Resolver::forward(const Client& client, Clock::time_point arrived,
                                      std::span<std::uint8_t> out) noexcept {
    if (forwarder_.is_ours(question_, source_port(client))) {
        stats_.loops.add();
        return {local(wire::Rcode::refused, wire::Ede::network_error, out), 0};
    }
    const auto [outcome, ticket] = pending_.add(client, question_, limit_, arrived, cacheable_);
    if (outcome == PendingClients::Outcome::duplicate) {
        stats_.drop(Dropped::duplicate);
        return {0, 0};
    }
    if (outcome == PendingClients::Outcome::added) {
        if (fly(ticket)) {
            if (cacheable_ && cache_.has_stale(question_, cache_clock())) patience_.add(ticket);
            return {0, ticket};
        }
        flights_.remove(ticket);
        pending_.remove(ticket);
    }
    stats_.drop(Dropped::overload);
    return {local(wire::Rcode::servfail, wire::Ede::other, out), 0};
}

/// Sends the last question upstream, or lets its client wait with the others for the same. @return
/// false when there is no room.
bool Resolver::fly(std::uint64_t ticket) noexcept {
    const auto role = cacheable_ ? flights_.join(question_, ticket) : Flights::Role::leads;
    if (role == Flights::Role::leads) return forwarder_.forward(question_, ticket);
    return role == Flights::Role::follows;
}

void Resolver::cancel(std::uint64_t ticket) noexcept {
    if (pending_.find(ticket) == nullptr) return;
    if (flights_.has_followers(ticket)) return pending_.answered(ticket);  // they need the reply
    flights_.remove(ticket);
    pending_.remove(ticket);
    forwarder_.cancel(ticket);
}

void Resolver::on_reply(std::uint64_t ticket, std::span<const std::uint8_t> reply) noexcept {
    const PendingClient* const leader = pending_.find(ticket);
    if (leader == nullptr) return;
    if (leader->cacheable) {
        static_cast<void>(wire::parse_question(leader->query_view(), question_));
        if (wire::header_rcode(reply) == wire::Rcode::servfail) {
            cache_.store_failure(question_, cache_clock());
        } else {
            cache_.store(question_, reply, cache_clock());
        }
        count_cache();
    }
    while (const auto follower = flights_.take_follower(ticket)) relay_to_other(*follower, reply);
    flights_.remove(ticket);
    relay(ticket, reply);
}

/// The reply to the client whose query it answers: byte for byte, if it fits.
void Resolver::relay(std::uint64_t ticket, std::span<const std::uint8_t> reply) noexcept {
    if (wire::header_rcode(reply) == wire::Rcode::servfail && give_stale(ticket)) return;
    if (reply.size() > pending_.find(ticket)->limit) {
        reply = scratch_.first(wire::write_truncated(reply, scratch_));
    }
    if (reply.empty()) return fail(ticket, forward::Failure::network);
    finish(ticket, Source::upstream, reply);
}

/// The reply to one who asked the same.
void Resolver::relay_to_other(std::uint64_t ticket, std::span<const std::uint8_t> reply) noexcept {
    const PendingClient* const pending = pending_.find(ticket);
    if (pending == nullptr) return;
    if (wire::header_rcode(reply) == wire::Rcode::servfail && give_stale(ticket)) return;
    static_cast<void>(wire::parse_question(pending->query_view(), question_));
    const std::size_t bytes = wire::write_relayed(reply, question_, pending->limit, scratch_);
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

std::size_t Resolver::flush(std::span<const std::uint8_t> lower_qname) noexcept {
    std::size_t count = cache_.entries();
    if (lower_qname.empty()) {
        cache_.flush();
    } else {
        count = cache_.flush(lower_qname);
    }
    count_cache();
    return count;
}

void Resolver::count_cache() noexcept {
    stats_.cache_entries.set(cache_.entries());
    stats_.cache_bytes.set(cache_.bytes());
}

std::size_t Resolver::local(wire::Rcode rcode, wire::Ede ede,
                            std::span<std::uint8_t> out) noexcept {
    stats_.responded(Source::local, static_cast<unsigned>(rcode));
    return wire::write_error(question_, rcode, ede, out);
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
    stats_.responded(source, rcode_of(reply));
    stats_.took(Clock::now() - pending.arrived);
    pending.client.transport->deliver(pending.client, ticket, reply);
}

}  // namespace meshgate::dns::server
