#include "dns/server/resolver.h"

#include "dns/server/chaos.h"
#include "dns/wire/name.h"
#include "dns/wire/reply.h"
#include "src/common/asio.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace meshgate::dns::server {

namespace {

bool is_transfer(const wire::Question& question) noexcept {
    return question.qtype == wire::type::axfr || question.qtype == wire::type::ixfr;
}

/// 0 for TCP: a loop begins with a datagram.
std::uint16_t source_port(const Client& client) noexcept {
    return client.proto == Proto::udp ? port(client.path.peer) : 0;
}

}  // namespace

/// Seconds that go on while the machine sleeps: so do the lives of the answers.
std::uint32_t Resolver::cache_clock() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint32_t>(now.tv_sec);
}

Resolver::Resolver(asio::io_context& context, WorkerStats& stats, std::size_t cache_bytes,
                   const forward::Limits& limits)
    : stats_(stats), pending_(limits.in_flight),
      flights_(limits.in_flight, std::max<std::size_t>(limits.in_flight / 4, 1)),
      scratch_memory_(std::make_unique_for_overwrite<std::uint8_t[]>(wire::message_bytes_max)),
      scratch_(scratch_memory_.get(), wire::message_bytes_max), cache_(cache_bytes),
      patience_(context, limits.in_flight, stale_patience,
                [this](std::uint64_t ticket) { on_patience_end(ticket); }),
      held_(context, limits.in_flight, feed_patience,
            [this](std::uint64_t ticket) { on_held_end(ticket); }),
      forwarder_(context, *this, limits) {}

void Resolver::set_tables(std::shared_ptr<const zone::Table> owned,
                          std::shared_ptr<const zone::Table> special) noexcept {
    owned_ = std::move(owned);
    names_to_come_ = owned_ && !owned_->is_complete();
    if (!names_to_come_) answer_held();
    if (special_ == special) return;
    const bool had_one = std::exchange(special_, std::move(special)) != nullptr;
    if (had_one) forget_upstreams();  // some of the names that were asked for may be special now
}

void Resolver::set_routes(const std::vector<forward::Route>& routes) {
    forwarder_.set_routes(routes);
    std::vector<std::vector<std::uint8_t>> suffixes;
    for (const forward::Route& route : routes) suffixes.push_back(route.suffix);
    if (suffixes == suffixes_) return;
    suffixes_ = std::move(suffixes);
    forget_upstreams();
}

/// What they said, and what they are about to say, would now be another's to say.
void Resolver::forget_upstreams() noexcept {
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
    hold_ = false;
    switch (wire::parse_question(message, question_)) {
    case Parsed::question:
        break;
    case Parsed::drop:
        stats_.drop(Dropped::malformed);
        return {Next::drop, 0};
    case Parsed::formerr:
        return local(Rcode::formerr, Ede::none, out);
    case Parsed::notimp:
        return local(Rcode::notimp, Ede::none, out);
    case Parsed::badvers:
        return local(Rcode::badvers, Ede::none, out);
    }
    if (!owned_) return local(Rcode::servfail, Ede::not_ready, out);
    limit_ = proto == Proto::tcp ? wire::message_bytes_max
                                 : wire::udp_limit(question_, path_payload_max(origin));
    if (const auto verdict = fixed(fixed_.before_names, out)) return *verdict;
    if (const std::size_t bytes = from_table(limit_, out); bytes != 0) {
        if (names_to_come_ && wire::header_rcode(out) == Rcode::nxdomain) return hold();
        return sent(Source::owned, out.first(bytes));
    }
    if (const auto verdict = fixed(fixed_.behind_names, out)) return *verdict;
    if (is_transfer(question_)) return local(Rcode::refused, Ede::none, out);
    return from_cache(origin, out);
}

/// What the list has for the last question; none: it leaves it to others.
std::optional<Resolver::Verdict> Resolver::fixed(const FixedAnswers::List& list,
                                                 std::span<std::uint8_t> out) noexcept {
    const FixedAnswer* const found = FixedAnswers::find(list, question_);
    if (found == nullptr || !found->rcode) return std::nullopt;
    const Verdict verdict = local(*found->rcode, wire::Ede::none, out);
    if (found->authoritative) out[2] |= wire::flag::aa >> 8U;
    return verdict;
}

/// What the table says of the last question: of its name, or else of what it is without one of the
/// search domains. A name that exists is never an alias.
std::size_t Resolver::from_table(std::size_t limit, std::span<std::uint8_t> out) const noexcept {
    const std::size_t bytes = owned_->answer(question_, limit, out);
    if (bytes != 0 && wire::header_rcode(out) != wire::Rcode::nxdomain) return bytes;
    const auto name = question_.lower();
    for (const auto& domain : search_) {
        if (name.size() == domain.size() || !wire::is_within(name, domain)) continue;
        std::array<std::uint8_t, wire::name_bytes_max> target;
        const auto end = std::copy(
            name.begin(), name.end() - static_cast<std::ptrdiff_t>(domain.size()), target.begin());
        *end = 0;
        const std::span<const std::uint8_t> alias{target.begin(), end + 1};
        if (const auto aliased = owned_->answer_alias(question_, alias, limit, out)) return aliased;
    }
    return bytes;
}

Resolver::Verdict Resolver::sent(Source source, std::span<const std::uint8_t> answer) noexcept {
    const wire::Rcode rcode = wire::header_rcode(answer);
    stats_.responded(source, static_cast<unsigned>(rcode));
    return {Next::send, answer.size(), source, rcode};
}

/// Answers the last question from the cache; says that an upstream has to when it cannot.
Resolver::Verdict Resolver::from_cache(Origin origin, std::span<std::uint8_t> out) noexcept {
    in_cache_ = false;
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
    in_cache_ = fresh.known;
    if (!fresh.known || !cache_.is_failing(question_, now)) return ask_outside(out);
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
        return local(Rcode::formerr, Ede::none, out);
    case Rejection::prohibited:
        return local(Rcode::refused, Ede::prohibited, out);
    case Rejection::too_often:
        break;
    }
    const Verdict verdict = local(Rcode::noerror, Ede::none, out);
    out[2] |= wire::flag::tc >> 8U;
    return verdict;
}

/// An upstream asks what it is being asked: it forwards to us, and would wait for its own answer.
/// On the machine itself everybody has the same address, and only the sharing of questions keeps
/// such a circle small.
bool Resolver::comes_back(const Client& client) noexcept {
    if (client.transport == nullptr || client.proto != Proto::udp) return false;
    if (is_loopback(client.path.peer)) return false;
    return forwarder_.has_server_at(address_of(client.path.peer)) &&
           flights_.is_on_its_way(question_);
}

Resolver::Forwarded Resolver::forward(const Client& client, Clock::time_point arrived,
                                      std::span<std::uint8_t> out,
                                      const std::shared_ptr<forward::Trace>& trace) noexcept {
    constexpr Verdict nothing_yet{Next::forward, 0};
    if (!hold_ && (forwarder_.is_ours(question_, source_port(client)) || comes_back(client))) {
        stats_.loops.add();
        return {local(wire::Rcode::refused, wire::Ede::network_error, out)};
    }
    const auto [outcome, ticket] = pending_.add(client, question_, limit_, arrived, cacheable_);
    if (outcome == PendingClients::Outcome::duplicate) {
        stats_.drop(Dropped::duplicate);
        return {nothing_yet};
    }
    if (outcome == PendingClients::Outcome::added) {
        if (hold_) {
            held_.add(ticket);
            return {nothing_yet, ticket};
        }
        if (fly(ticket, trace)) {
            if (in_cache_ && cache_.has_stale(question_, cache_clock())) patience_.add(ticket);
            return {nothing_yet, ticket};
        }
        flights_.remove(ticket);
        pending_.remove(ticket);
    }
    stats_.drop(Dropped::overload);
    const std::size_t stale =
        in_cache_ ? cache_.answer_stale(question_, cache_clock(), limit_, out) : 0;
    if (stale != 0) return {sent(Source::stale, out.first(stale))};
    return {local(wire::Rcode::servfail, wire::Ede::other, out)};
}

/// Sends the last question upstream, or lets its client wait with the others for the same. @return
/// false when there is no room.
bool Resolver::fly(std::uint64_t ticket, const std::shared_ptr<forward::Trace>& trace) noexcept {
    const auto role = cacheable_ ? flights_.join(question_, ticket) : Flights::Role::leads;
    if (role == Flights::Role::leads) return forwarder_.forward(question_, ticket, trace);
    if (role != Flights::Role::follows) return false;
    if (trace) trace->add({Clock::now(), forward::Trace::What::joined, {}, {}, {}});
    return true;
}

void Resolver::cancel(std::uint64_t ticket) noexcept {
    if (pending_.find(ticket) == nullptr) return;
    if (flights_.has_followers(ticket)) return pending_.answered(ticket);  // they need the reply
    flights_.remove(ticket);
    pending_.remove(ticket);
    forwarder_.cancel(ticket);
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

std::optional<cache::Kept> Resolver::kept(std::span<const std::uint8_t> message) noexcept {
    if (wire::parse_question(message, question_) != wire::Parsed::question) return std::nullopt;
    if (!cache::may_be_cached(question_)) return std::nullopt;
    return cache_.look(question_, cache_clock());
}

void Resolver::count_cache() noexcept {
    stats_.cache_entries.set(cache_.entries());
    stats_.cache_bytes.set(cache_.bytes());
}

Resolver::Verdict Resolver::local(wire::Rcode rcode, wire::Ede ede,
                                  std::span<std::uint8_t> out) noexcept {
    stats_.responded(Source::local, static_cast<unsigned>(rcode));
    return {Next::send, wire::write_error(question_, rcode, ede, out), Source::local, rcode};
}

}  // namespace meshgate::dns::server
