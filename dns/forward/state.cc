#include "dns/forward/state.h"

#include "dns/forward/plain_query.h"
#include "dns/wire/bytes.h"
#include "dns/wire/options.h"
#include "dns/wire/reply.h"

#include <algorithm>
#include <array>
#include <utility>

namespace meshgate::dns::forward {
namespace {

// Larger ones would leave in fragments; no client but a strange one sends them.
constexpr std::size_t udp_query_bytes_max = 1232;
// A refusal is short; what is longer is not worth keeping.
constexpr std::size_t fallback_bytes_max = 4096;
constexpr auto servfail = static_cast<unsigned>(wire::Rcode::servfail);

/// Replies that another server may be able to better.
Fallback fallback_kind(wire::Rcode rcode) noexcept {
    switch (rcode) {
    case wire::Rcode::refused:
        return Fallback::refused;
    case wire::Rcode::formerr:
    case wire::Rcode::notimp:
        return Fallback::unwilling;
    case wire::Rcode::servfail:
        return Fallback::failed;
    default:
        return Fallback::none;
    }
}

}  // namespace

Forwarder::State::State(asio::io_context& io, ReplySink& reply_sink, const Limits& bounds)
    : context(io), sink(&reply_sink), limits(bounds), ready(ReadySet::make(io)),
      queries(bounds.in_flight), timer_(io), tidy_timer_(io) {}

std::span<std::uint8_t> Forwarder::State::message_of(QueryRef ref) noexcept {
    Query* query = queries.find(ref);
    if (query == nullptr) return {};
    return query->message;
}

bool Forwarder::State::forward(const wire::Question& question, std::uint64_t ticket,
                               const std::shared_ptr<Trace>& trace) {
    const auto slot = queries.take(question.message);
    if (!slot) return false;
    const auto now = Clock::now();
    Query& query = queries[*slot];
    if (question.edns) wire::make_opt_ours(query.message, *question.edns);
    query.ticket = ticket;
    query.client_id = question.id;
    query.trace = trace;
    query.route = route_for(question.lower());
    query.fell_over = query.mixed = false;
    query.attempts = query.waiting = 0;
    query.tcp_server = nullptr;
    begin_with(query, query.route->servers);
    queries.schedule_expiry(*slot, now + limits.total);
    if (query.servers->empty()) {
        note(query, Trace::What::nobody);
        fail_later(*slot, Failure::no_upstream);
        return true;
    }
    if (!try_next(*slot, now)) fail_later(*slot, Failure::network);
    for (const auto& server : servers) server->probe_if_due(now);
    arm();
    return true;
}

/// For a trace, of which most queries have none.
void Forwarder::State::note(const Query& query, Trace::What what, const Server& server,
                            Transport transport, wire::Rcode rcode) noexcept {
    if (query.trace) query.trace->add({Clock::now(), what, transport, rcode, server.address()});
}

void Forwarder::State::note(const Query& query, Trace::What what) noexcept {
    if (query.trace) query.trace->add({Clock::now(), what, Transport::udp, {}, {}});
}

/// Mixed only for servers that copy the letters, as far as is known: all of the query's attempts
/// send the same.
void Forwarder::State::mix_case(Query& query) noexcept {
    if (std::exchange(query.mixed, false)) query.spelling.restore(query.message);
    query.spelling.forget();
    query.other_case = nullptr;
    if (!limits.mix_case && !limits.lower_case) return;
    query.spelling.remember(query.message);
    if (limits.lower_case) {
        query.mixed = true;
        return query.spelling.lower(query.message);
    }
    query.mixed = std::none_of(query.servers->begin(), query.servers->end(),
                               [](const auto& server) { return server->folds_case(); });
    if (query.mixed) query.spelling.mix(query.message, random);
}

/// The first server in order that is up and not asked yet, else the first that is not asked yet.
std::optional<Forwarder::State::Choice>
Forwarder::State::choose(const Query& query) const noexcept {
    std::optional<Choice> down;
    const std::size_t count = query.servers->size();
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = (query.first + i) % count;
        const Choice choice{(*query.servers)[at].get(), 1U << at};
        if ((query.tried & choice.bit) != 0) continue;
        if (choice.server->health.up()) return choice;
        if (!down) down = choice;
    }
    return down;
}

bool Forwarder::State::try_next(std::uint32_t slot, Clock::time_point now) {
    while (const auto choice = choose(queries[slot])) {
        queries[slot].tried |= choice->bit;
        if (!send_to(slot, *choice)) continue;
        wait_for(slot, now, patience_with(queries[slot], *choice->server));
        return true;
    }
    return false;
}

/// A reply of a server that is quick as a rule need not be waited for as long as that of one that
/// nobody knows. Only the first wait of a query is shorter, and only where another server can be
/// asked: most of them are quick as well, and what is slow is the name.
Wait Forwarder::State::patience_with(const Query& query, const Server& server) const noexcept {
    const bool is_first = query.attempts == 1 && !query.fell_over && query.tcp_server == nullptr;
    if (!is_first || query.servers->size() < 2) return Wait::whole;
    const auto expected = server.health.expected_within();
    return expected && *expected <= limits.first_try / 2 ? Wait::half : Wait::whole;
}

void Forwarder::State::wait_for(std::uint32_t slot, Clock::time_point now, Wait wait) noexcept {
    queries[slot].impatient = wait == Wait::half;
    const auto time = wait == Wait::half ? limits.first_try / 2 : limits.first_try;
    queries.schedule_next_try(slot, now + time, wait);
}

/// From replies to queries that were sent once; not from each of them, for the reading of the
/// clock.
void Forwarder::State::learn_time(Server& server, const Query& query) const noexcept {
    if (query.attempts != 1 || query.fell_over || !server.wants_time()) return;
    server.health.took(Clock::now() - (query.expires - limits.total));
}

bool Forwarder::State::send_to(std::uint32_t slot, const Choice& choice) {
    Query& query = queries[slot];
    if (query.message.size() > udp_query_bytes_max) return send_over_tcp(slot, *choice.server);
    if (query.attempts == Query::attempts_max) return false;
    query.was_plain = goes_without_edns(query, *choice.server);
    const PlainQuery sent{query.message, query.was_plain};
    note(query, query.was_plain ? Trace::What::asked_plain : Trace::What::asked, *choice.server,
         Transport::udp);
    auto socket = choice.server->send_udp(queries.ref(slot), sent.bytes());
    if (!socket) {
        note(query, Trace::What::unreachable, *choice.server, Transport::udp);
        choice.server->failed(Clock::now());
        return false;
    }
    query.last_server = choice.server;
    query.sockets[query.attempts++] = std::move(socket);
    ++query.waiting;
    return true;
}

bool Forwarder::State::send_over_tcp(std::uint32_t slot, Server& server) {
    Query& query = queries[slot];
    query.was_plain = goes_without_edns(query, server);
    const PlainQuery sent{query.message, query.was_plain};
    note(query, query.was_plain ? Trace::What::asked_plain : Trace::What::asked, server,
         Transport::tcp);
    if (!server.send_tcp(queries.ref(slot), sent.bytes())) {
        note(query, Trace::What::unreachable, server, Transport::tcp);
        return false;
    }
    query.tcp_server = &server;
    ++query.waiting;
    tidy_later();
    return true;
}

void Forwarder::State::forget_tcp(std::uint32_t slot) noexcept {
    Query& query = queries[slot];
    if (query.tcp_server == nullptr) return;
    std::exchange(query.tcp_server, nullptr)->forget_tcp(queries.ref(slot));
    --query.waiting;
}

/// Whatever it said, or that it is not there: once that is counted, the end of the wait says nothing
/// of it.
void Forwarder::State::heard_of(Query& query, const Server& server) noexcept {
    if (query.last_server == &server) query.last_server = nullptr;
}

void Forwarder::State::on_exchange_reply(Server& server, QueryRef ref, Transport transport,
                                         std::span<std::uint8_t> reply) noexcept {
    Query* query = queries.find(ref);
    if (query == nullptr) return;
    server.health.replied();
    heard_of(*query, server);
    if (transport == Transport::udp) learn_time(server, *query);
    --query->waiting;
    if (transport == Transport::tcp) query->tcp_server = nullptr;
    try {
        if (transport == Transport::udp && wire::is_truncated(reply)) {
            note(*query, Trace::What::truncated, server, transport);
            return on_truncated(server, ref.slot, reply);
        }
        note(*query, Trace::What::replied, server, transport, wire::header_rcode(reply));
        if (may_refuse_edns(reply) && ask_without_edns(server, ref.slot, transport)) return;
        const auto rcode = static_cast<unsigned>(wire::header_rcode(reply));
        if (fall_over(ref.slot, rcode, wire::read16(reply, 6))) return;
        const Fallback kind = fallback_kind(wire::header_rcode(reply));
        if (kind == Fallback::none) {
            if (query->plain_for == &server) server.answered_without_edns(Clock::now());
            return finish(ref.slot, reply);
        }
        // Said over TCP, it is the whole of what was cut before.
        if (transport == Transport::tcp) query->fallback_kind = Fallback::none;
        keep_fallback(*query, kind, reply);
        give_up_or_go_on(ref.slot);
    } catch (const std::exception&) {  // no memory to keep it or to go on: as it is
        finish(ref.slot, reply);
    }
}

bool Forwarder::State::goes_without_edns(const Query& query, const Server& server) noexcept {
    return query.plain_for == &server || server.lacks_edns();
}

/// Once for a query. @return false when there was no EDNS to leave out, or the query cannot be sent
/// again.
bool Forwarder::State::ask_without_edns(Server& server, std::uint32_t slot, Transport transport) {
    Query& query = queries[slot];
    if (query.plain_for != nullptr || query.was_plain) return false;
    if (!PlainQuery::is_possible(query.message)) return false;
    query.plain_for = &server;
    const bool sent =
        transport == Transport::tcp ? send_over_tcp(slot, server) : send_to(slot, {&server, 0});
    if (sent) wait_for(slot, Clock::now());
    return sent;
}

void Forwarder::State::on_exchange_error(Server& server, QueryRef ref,
                                         Transport transport) noexcept {
    Query* query = queries.find(ref);
    if (query == nullptr) return;
    note(*query, Trace::What::unreachable, server, transport);
    transport == Transport::tcp ? server.failed_over_tcp() : server.failed(Clock::now());
    heard_of(*query, server);
    --query->waiting;
    if (transport == Transport::tcp) query->tcp_server = nullptr;
    try {
        give_up_or_go_on(ref.slot);
    } catch (const std::exception&) {
        fail(ref.slot, Failure::network);
    }
}

void Forwarder::State::on_other_case(Server& server, QueryRef ref) noexcept {
    Query* const query = queries.find(ref);
    if (query == nullptr) return;
    note(*query, Trace::What::other_case, server, Transport::udp);
    query->other_case = &server;
}

void Forwarder::State::keep_fallback(Query& query, Fallback kind,
                                     std::span<const std::uint8_t> reply) {
    if (kind < query.fallback_kind || reply.size() > fallback_bytes_max) return;
    query.fallback_kind = kind;
    query.fallback.assign(reply.begin(), reply.end());
}

/// An attempt came to nothing: another server, or what there is.
void Forwarder::State::give_up_or_go_on(std::uint32_t slot) {
    const Query& query = queries[slot];
    if (query.tcp_server != nullptr) return;  // the reply is known to exist, and on its way
    if (query.fallback_kind == Fallback::truncated) {
        // Only a server that is likely to reply: the client can do the rest itself.
        const auto choice = choose(query);
        if (choice && choice->server->health.up() && try_next(slot, Clock::now())) return;
        return finish_with_fallback(slot, Failure::network);
    }
    if (try_next(slot, Clock::now())) return;
    if (queries[slot].waiting == 0) finish_with_fallback(slot, Failure::network);
}

void Forwarder::State::on_truncated(Server& server, std::uint32_t slot,
                                    std::span<const std::uint8_t> reply) {
    Query& query = queries[slot];
    if (query.tcp_server != nullptr) return;  // another server's truncated reply came first
    std::array<std::uint8_t, wire::name_bytes_max + 64> cut;
    const std::size_t bytes = wire::write_truncated(reply, cut);
    if (bytes != 0) keep_fallback(query, Fallback::truncated, std::span{cut}.first(bytes));
    if (!send_over_tcp(slot, server)) return give_up_or_go_on(slot);
    wait_for(slot, Clock::now());
}

void Forwarder::State::forget_attempts(std::uint32_t slot) noexcept {
    Query& query = queries[slot];
    const QueryRef ref = queries.ref(slot);
    for (std::size_t i = 0; i < query.attempts; ++i) {
        query.sockets[i]->forget(ref);
        query.sockets[i].reset();
    }
    forget_tcp(slot);
    query.attempts = query.waiting = 0;
}

void Forwarder::State::release(std::uint32_t slot) noexcept {
    forget_attempts(slot);
    queries[slot].trace.reset();
    queries.release(slot);
}

void Forwarder::State::finish(std::uint32_t slot, std::span<std::uint8_t> reply) noexcept {
    const std::uint64_t ticket = queries[slot].ticket;
    wire::write16(reply, 0, queries[slot].client_id);
    if (queries[slot].spelling.is_known()) queries[slot].spelling.restore(reply);
    release(slot);
    if (sink != nullptr) sink->on_reply(ticket, reply);
}

void Forwarder::State::finish_with_fallback(std::uint32_t slot, Failure otherwise) noexcept {
    if (queries[slot].fallback_kind == Fallback::none || queries[slot].fallback.empty()) {
        if (otherwise != Failure::timeout && fall_over(slot, servfail, 0)) return;
        return fail(slot, otherwise);
    }
    // The slot is free, and perhaps used again, before the sink has seen the reply.
    auto reply = std::exchange(queries[slot].fallback, {});
    finish(slot, reply);
}

void Forwarder::State::fail(std::uint32_t slot, Failure failure) noexcept {
    const std::uint64_t ticket = queries[slot].ticket;
    release(slot);
    if (sink != nullptr) sink->on_failure(ticket, failure);
}

/// For forward(): whoever asks is not called back before it has returned.
void Forwarder::State::fail_later(std::uint32_t slot, Failure failure) {
    asio::post(context, [self = shared_from_this(), ref = queries.ref(slot), failure] {
        if (self->queries.find(ref) != nullptr) self->finish_with_fallback(ref.slot, failure);
    });
}

void Forwarder::State::cancel(std::uint64_t ticket) noexcept {
    // Rare (a TCP client that went away), so a walk is cheaper than an index kept for every query.
    for (auto slot = queries.first_expiry(); slot; slot = queries.next_expiry(*slot)) {
        if (queries[*slot].ticket == ticket) return release(*slot);
    }
}

void Forwarder::State::stop() noexcept {
    sink = nullptr;
    while (const auto slot = queries.first_expiry()) release(*slot);
    timer_.cancel();
    tidy_timer_.cancel();
    servers.clear();
    routes_.clear();
    suffixes = {};
}

}  // namespace meshgate::dns::forward
