#include "dns/server/resolver.h"

#include "dns/wire/reply.h"

#include <algorithm>

/// The third part of the resolver: what it writes to the query log. Only for queries that are
/// taken, so nothing here has to be fast.
namespace meshgate::dns::server {
namespace {

/// Of a query as far as it could be read.
LoggedQuery describe(const wire::Question& question) noexcept {
    LoggedQuery query;
    query.time = std::chrono::system_clock::now();
    query.qname_bytes = static_cast<std::uint8_t>(question.qname_bytes);
    if (query.qname_bytes == 0) return query;
    query.qtype = question.qtype;
    query.qclass = question.qclass;
    std::ranges::copy(question.qname(), query.qname_buffer.begin());
    return query;
}

}  // namespace

void Resolver::log_answer(const Peer& client, Proto proto, const Verdict& verdict,
                          Clock::time_point arrived) const noexcept {
    LoggedQuery query = describe(question_);
    query.took = Clock::now() - arrived;
    query.client = client;
    query.proto = proto;
    query.source = verdict.source;
    query.rcode = verdict.rcode;
    query.answer_bytes = static_cast<std::uint16_t>(verdict.bytes);
    query_log_->write(query);
}

void Resolver::log_delivery(const PendingClient& pending, Source source,
                            std::span<const std::uint8_t> reply) const noexcept {
    if (pending.client.path.peer.generic.sa_family == AF_UNSPEC) return;  // a trace
    wire::Question question;
    static_cast<void>(wire::parse_question(pending.query_view(), question));
    LoggedQuery query = describe(question);
    query.took = Clock::now() - pending.arrived;
    query.client = pending.client.path.peer;
    query.proto = pending.client.proto;
    query.source = source;
    query.rcode = wire::header_rcode(reply);
    query.answer_bytes = static_cast<std::uint16_t>(reply.size());
    query_log_->write(query);
}

}  // namespace meshgate::dns::server
