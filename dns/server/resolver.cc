#include "dns/server/resolver.h"

#include "src/common/asio.h"

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

bool is_transfer(const wire::Question& question) noexcept {
    return question.qtype == wire::type::axfr || question.qtype == wire::type::ixfr;
}

/// 0 for TCP: a loop begins with a datagram.
std::uint16_t source_port(const Client& client) noexcept {
    return client.proto == Proto::udp ? port(client.path.peer) : 0;
}

}  // namespace

Resolver::Resolver(asio::io_context& context, WorkerStats& stats, const forward::Limits& limits)
    : stats_(stats), pending_(limits.in_flight), forwarder_(context, *this, limits) {}

void Resolver::set_table(std::shared_ptr<const zone::Table> table) noexcept {
    table_ = std::move(table);
}

void Resolver::set_upstreams(const std::vector<conf::SocketAddress>& upstreams) {
    forwarder_.set_upstreams(upstreams);
}

std::vector<forward::UpstreamState> Resolver::upstreams() {
    stats_.ignored_replies.add(forwarder_.ignored_replies() - stats_.ignored_replies.get());
    return forwarder_.upstreams();
}

Resolver::Verdict Resolver::answer(std::span<const std::uint8_t> message, Proto proto,
                                   std::size_t cap, std::span<std::uint8_t> out) noexcept {
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
    if (!table_) return {Next::send, local(Rcode::servfail, Ede::not_ready, out)};
    limit_ = proto == Proto::tcp ? wire::message_bytes_max : wire::udp_limit(question_, cap);
    if (const std::size_t bytes = table_->answer(question_, limit_, out); bytes != 0) {
        stats_.responded(Source::owned, rcode_of(out.first(bytes)));
        return {Next::send, bytes};
    }
    if (is_transfer(question_)) return {Next::send, local(Rcode::refused, Ede::none, out)};
    return {Next::forward, 0};
}

Resolver::Verdict Resolver::reject(std::span<const std::uint8_t> message,
                                   std::span<std::uint8_t> out) noexcept {
    if (wire::parse_question(message, question_) == wire::Parsed::drop) {
        stats_.drop(Dropped::malformed);
        return {Next::drop, 0};
    }
    return {Next::send, local(wire::Rcode::formerr, wire::Ede::none, out)};
}

Resolver::Forwarded Resolver::forward(const Client& client, Clock::time_point arrived,
                                      std::span<std::uint8_t> out) noexcept {
    if (forwarder_.is_ours(question_, source_port(client))) {
        stats_.loops.add();
        return {local(wire::Rcode::refused, wire::Ede::network_error, out), 0};
    }
    const auto [outcome, ticket] = pending_.add(client, question_, limit_, arrived);
    if (outcome == PendingClients::Outcome::duplicate) {
        stats_.drop(Dropped::duplicate);
        return {0, 0};
    }
    if (outcome == PendingClients::Outcome::added) {
        if (forwarder_.forward(question_, ticket)) return {0, ticket};
        pending_.remove(ticket);
    }
    stats_.drop(Dropped::overload);
    return {local(wire::Rcode::servfail, wire::Ede::other, out), 0};
}

void Resolver::cancel(std::uint64_t ticket) noexcept {
    if (pending_.find(ticket) == nullptr) return;
    pending_.remove(ticket);
    forwarder_.cancel(ticket);
}

void Resolver::on_reply(std::uint64_t ticket, std::span<const std::uint8_t> reply) noexcept {
    const PendingClient* pending = pending_.find(ticket);
    if (pending == nullptr) return;
    const unsigned rcode = rcode_of(reply);
    if (reply.size() > pending->limit)
        reply = std::span{scratch_}.first(wire::write_truncated(reply, scratch_));
    if (reply.empty()) return on_failure(ticket, forward::Failure::network);
    finish(ticket, Source::upstream, rcode, reply);
}

void Resolver::on_failure(std::uint64_t ticket, forward::Failure failure) noexcept {
    const PendingClient* pending = pending_.find(ticket);
    if (pending == nullptr) return;
    if (failure == forward::Failure::loop) stats_.loops.add();
    if (failure == forward::Failure::overload) stats_.drop(Dropped::overload);
    static_cast<void>(wire::parse_question(pending->query_view(), question_));
    const std::size_t bytes =
        wire::write_error(question_, wire::Rcode::servfail, explain(failure), scratch_);
    finish(ticket, Source::local, static_cast<unsigned>(wire::Rcode::servfail),
           std::span{scratch_}.first(bytes));
}

std::size_t Resolver::local(wire::Rcode rcode, wire::Ede ede,
                            std::span<std::uint8_t> out) noexcept {
    stats_.responded(Source::local, static_cast<unsigned>(rcode));
    return wire::write_error(question_, rcode, ede, out);
}

void Resolver::finish(std::uint64_t ticket, Source source, unsigned rcode,
                      std::span<const std::uint8_t> reply) noexcept {
    // Taken out first: the transport may ask for more room while it delivers.
    const PendingClient pending = *pending_.find(ticket);
    pending_.remove(ticket);
    stats_.responded(source, rcode);
    stats_.took(Clock::now() - pending.arrived);
    pending.client.transport->deliver(pending.client, ticket, reply);
}

}  // namespace meshgate::dns::server
