#include "dns/forward/state.h"

#include <algorithm>
#include <utility>

namespace meshgate::dns::forward {
namespace {

constexpr std::chrono::seconds tidy_every{2};

}  // namespace

/// Sets the one timer for the earliest event. Never moved to a later time: a few early wake-ups
/// cost less than a timer operation for every query.
void Forwarder::State::arm() {
    auto earliest = Clock::time_point::max();
    if (const auto slot = queries.first_expiry()) earliest = queries[*slot].expires;
    if (const auto slot = queries.first_next_try()) {
        earliest = std::min(earliest, queries[*slot].next_try);
    }
    if (earliest >= armed_for_) return;
    armed_for_ = earliest;
    timer_.wait_until(earliest, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->sink != nullptr) self->on_timer();
    });
}

void Forwarder::State::on_timer() {
    const auto now = Clock::now();
    armed_for_ = Clock::time_point::max();
    for (auto slot = queries.first_expiry(); slot && queries[*slot].expires <= now;
         slot = queries.first_expiry()) {
        note(queries[*slot], Trace::What::expired);
        finish_with_fallback(*slot, Failure::timeout);
        if (sink == nullptr) return;
    }
    for (auto slot = queries.first_next_try(); slot && queries[*slot].next_try <= now;
         slot = queries.first_next_try()) {
        hedge(*slot, now);
        if (sink == nullptr) return;
    }
    arm();
}

/// No reply for a while: the next server is asked as well, after the last one all of them again,
/// but each time after twice the wait (RFC 8085 section 3.1.1). Whoever replies first wins.
void Forwarder::State::hedge(std::uint32_t slot, Clock::time_point now) {
    Query& query = queries[slot];
    const auto failure = query.impatient ? Health::Failure::late : Health::Failure::no_reply;
    wait_for(slot, now);
    if (query.tcp_server != nullptr) {
        if (query.tcp_server->is_on_its_way(queries.ref(slot))) return;
        // Filtered, most likely: there are networks that know DNS over UDP only.
        note(query, Trace::What::silent, *query.tcp_server, Transport::tcp);
        forget_tcp(slot);
        return give_up_or_go_on(slot);
    }
    if (query.other_case != nullptr) {
        // Nothing better came: it does not copy letters. Once more, with the client's own.
        std::exchange(query.other_case, nullptr)->folded_case();
        if (std::exchange(query.mixed, false)) query.spelling.restore(query.message);
        query.turns = query.patience;  // it is there, and replies
    } else if (query.last_server != nullptr) {
        note(query, Trace::What::silent, *query.last_server, Transport::udp);
        std::exchange(query.last_server, nullptr)->failed(now, failure);
    }
    if (query.fallback_kind == Fallback::truncated) {
        return finish_with_fallback(slot, Failure::timeout);
    }
    if (try_next(slot, now)) return;
    if (++query.turns < query.patience) return;
    if (fall_over(slot, static_cast<unsigned>(wire::Rcode::servfail), 0)) return;
    query.turns = 0;
    query.patience *= 2;
    query.tried = 0;
    try_next(slot, now);
}

/// Closes connections that are idle or stuck, while there are any.
void Forwarder::State::tidy_later() {
    if (tidying_) return;
    tidying_ = true;
    tidy_timer_.wait_for(tidy_every, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->sink == nullptr) return;
        self->tidying_ = false;
        bool open = false;
        const auto list = self->servers;  // an event may change it
        for (const auto& server : list) open = server->tidy(Clock::now()) || open;
        if (open) self->tidy_later();
    });
}

}  // namespace meshgate::dns::forward
