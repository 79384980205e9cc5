#include "dns/server/resolver.h"

#include "dns/wire/bytes.h"
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
    query.id = question.id;
    query.query_bytes = static_cast<std::uint16_t>(question.message.size());
    if (question.edns) {
        query.udp_payload_size = question.edns->udp_payload_size;
        query.dnssec_ok = question.edns->dnssec_ok;
    }
    query.qname_bytes = static_cast<std::uint8_t>(question.qname_bytes);
    if (query.qname_bytes == 0) return query;
    query.qtype = question.qtype;
    query.qclass = question.qclass;
    std::ranges::copy(question.qname(), query.qname_buffer.begin());
    return query;
}

/// @pre reply.size() >= wire::header_bytes
void describe_answer(std::span<const std::uint8_t> reply, LoggedQuery& query) noexcept {
    query.rcode = wire::header_rcode(reply);
    query.answer_flags = wire::read16(reply, 2);
    query.answer_records = wire::read16(reply, 6);
    query.answer_bytes = static_cast<std::uint16_t>(reply.size());
}

}  // namespace

void Resolver::log_answer(const Peer& client, Proto proto, const Verdict& verdict,
                          std::span<const std::uint8_t> reply,
                          Clock::time_point arrived) const noexcept {
    LoggedQuery query = describe(question_);
    query.took = Clock::now() - arrived;
    query.client = client;
    query.proto = proto;
    query.source = verdict.source;
    describe_answer(reply, query);
    query.rcode = verdict.rcode;  // all twelve bits
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
    describe_answer(reply, query);
    query_log_->write(query);
}

}  // namespace meshgate::dns::server
