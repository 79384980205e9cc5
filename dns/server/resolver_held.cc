#include "dns/server/resolver.h"

/// A third part of the resolver: names under our suffixes that nobody knows yet, while a feed has
/// not told what it knows. A program that starts with the machine asks once; an NXDOMAIN that is
/// wrong in a moment would be its end, and caches would keep it.
namespace meshgate::dns::server {

Resolver::Verdict Resolver::hold() noexcept {
    hold_ = true;
    cacheable_ = in_cache_ = false;
    return {Next::forward, 0};
}

void Resolver::on_held_end(std::uint64_t ticket) noexcept {
    const PendingClient* const pending = pending_.find(ticket);
    if (pending == nullptr) return;
    static_cast<void>(wire::parse_question(pending->query_view(), question_));
    const std::size_t bytes =
        wire::write_error(question_, wire::Rcode::servfail, wire::Ede::not_ready, scratch_);
    finish(ticket, Source::local, scratch_.first(bytes));
}

/// Those who wait get what the table says now.
void Resolver::answer_held() noexcept {
    for (const auto& [end, ticket] : held_.take_all()) {
        const PendingClient* const pending = pending_.find(ticket);
        if (pending == nullptr) continue;
        static_cast<void>(wire::parse_question(pending->query_view(), question_));
        const std::size_t bytes = owned_ ? from_table(pending->limit, scratch_) : std::size_t{0};
        if (bytes == 0) {
            on_held_end(ticket);  // a reload has given its suffix away
        } else {
            finish(ticket, Source::owned, scratch_.first(bytes));
        }
    }
}

}  // namespace meshgate::dns::server
