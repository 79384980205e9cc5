#include "dns/forward/forwarder.h"

#include "dns/forward/own_queries.h"
#include "dns/forward/state.h"

namespace meshgate::dns::forward {

Forwarder::Forwarder(boost::asio::io_context& context, ReplySink& sink, const Limits& limits)
    : state_(std::make_shared<State>(context, sink, limits)) {}

Forwarder::~Forwarder() {
    state_->stop();
}

void Forwarder::set_routes(std::span<const Route> routes) {
    state_->set_routes(routes);
}

bool Forwarder::has_own_route(std::span<const std::uint8_t> lower_qname) const noexcept {
    const auto match = state_->suffixes.longest(lower_qname);
    return match && match->bytes > 1;
}

bool Forwarder::forward(const wire::Question& question, std::uint64_t ticket,
                        const std::shared_ptr<Trace>& trace) noexcept {
    try {
        return state_->forward(question, ticket, trace);
    } catch (const std::exception&) {  // no memory: the table is as good as full
        state_->cancel(ticket);
        return false;
    }
}

void Forwarder::cancel(std::uint64_t ticket) noexcept {
    state_->cancel(ticket);
}

std::size_t Forwarder::in_flight() const noexcept {
    return state_->queries.in_use();
}

std::vector<UpstreamState> Forwarder::upstreams() const {
    std::vector<UpstreamState> states;
    for (const auto& server : state_->servers) {
        states.push_back({server->address(), server->health.up(), server->requests(),
                          server->failures(), server->health.smoothed_time()});
    }
    return states;
}

bool Forwarder::is_ours(const wire::Question& question, std::uint16_t source_port) const noexcept {
    return own_queries::contains(
        own_queries::fingerprint(question.message, question.end(), source_port));
}

bool Forwarder::has_server_at(const conf::IpAddress& address) const noexcept {
    return std::ranges::any_of(state_->servers, [&address](const auto& server) {
        return server->address().address == address;
    });
}

std::uint64_t Forwarder::ignored_replies() const noexcept {
    return state_->ignored;
}

}  // namespace meshgate::dns::forward
