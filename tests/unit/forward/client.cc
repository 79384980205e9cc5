#include "client.h"

#include <doctest/doctest.h>

#include <ostream>

namespace meshgate::test {

using namespace dns;

Bytes query_bytes(std::uint8_t n, std::uint16_t id, std::size_t padding) {
    // Header with RD, one question, one additional record.
    Bytes out{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    out[0] = static_cast<std::uint8_t>(id >> 8U);
    out[1] = static_cast<std::uint8_t>(id);
    const Bytes question{2, 'X', static_cast<std::uint8_t>('a' + n), 4, 'm', 'e', 's', 'h', 0, 0, 1,
                         0, 1};
    out.insert(out.end(), question.begin(), question.end());
    const std::size_t rdata = padding == 0 ? 0 : padding + 4;
    const Bytes opt{0,
                    0,
                    41,
                    4,
                    208,
                    0,
                    0,
                    0,
                    0,
                    static_cast<std::uint8_t>(rdata >> 8U),
                    static_cast<std::uint8_t>(rdata)};
    out.insert(out.end(), opt.begin(), opt.end());
    if (padding == 0) return out;
    const Bytes option{0xfd, 0xe9, static_cast<std::uint8_t>(padding >> 8U),
                       static_cast<std::uint8_t>(padding)};
    out.insert(out.end(), option.begin(), option.end());
    out.insert(out.end(), padding, 0);
    return out;
}

Bytes reply_to(Bytes query, unsigned rcode, std::size_t extra) {
    query[2] = 0x81;
    query[3] = static_cast<std::uint8_t>(0x80 | rcode);
    query.insert(query.end(), extra, 0xab);
    return query;
}

Bytes truncated(Bytes query) {
    query = reply_to(std::move(query));
    query[2] = 0x83;
    return query;
}

forward::Limits quick(std::chrono::milliseconds total) {
    forward::Limits limits;
    limits.first_try = std::chrono::milliseconds{30};
    limits.total = total;
    return limits;
}

const FakeServer::OnQuery answers = [](const Bytes& query, const FakeServer::Reply& reply) {
    reply(reply_to(query));
};

const FakeServer::OnQuery truncates = [](const Bytes& query, const FakeServer::Reply& reply) {
    reply(truncated(query));
};

FakeServer::OnQuery says(unsigned rcode) {
    return [rcode](const Bytes& query, const FakeServer::Reply& reply) {
        reply(reply_to(query, rcode));
    };
}

void Client::reset(const forward::Limits& limits) {
    forwarder = std::make_unique<forward::Forwarder>(context, *this, limits);
}

bool Client::ask(std::uint64_t ticket, const Bytes& message) {
    wire::Question question;
    REQUIRE(wire::parse_question(message, question) == wire::Parsed::question);
    inside_forward_ = true;
    const bool taken = forwarder->forward(question, ticket);
    inside_forward_ = false;
    return taken;
}

void Client::use(std::initializer_list<const FakeServer*> servers) {
    std::vector<conf::SocketAddress> addresses;
    for (const FakeServer* server : servers) addresses.push_back(server->at());
    forwarder->set_routes(forward::one_route(addresses));
}

void Client::wait_until(const std::function<bool()>& so) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!so()) {
        context.restart();
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        context.run_one_for(std::chrono::milliseconds{20});
    }
}

void Client::wait_for(std::size_t count) {
    wait_until([&] { return replies.size() + failures.size() >= count; });
}

void Client::settle() {
    context.restart();
    while (context.poll() > 0) context.restart();
}

void Client::on_reply(std::uint64_t ticket, std::span<const std::uint8_t> reply) noexcept {
    CHECK_FALSE(inside_forward_);
    CHECK(replies.emplace(ticket, Bytes(reply.begin(), reply.end())).second);
    if (on_done) on_done();
}

void Client::on_failure(std::uint64_t ticket, forward::Failure failure) noexcept {
    CHECK_FALSE(inside_forward_);
    CHECK(failures.emplace(ticket, failure).second);
    if (on_done) on_done();
}

}  // namespace meshgate::test
