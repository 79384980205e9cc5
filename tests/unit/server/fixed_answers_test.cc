#include "dns/server/fixed_answers.h"

#include "dns/wire/text_name.h"
#include "tests/unit/server/loopback.h"
#include "tests/unit/server/upstream.h"

#include <doctest/doctest.h>

#include <optional>
#include <ostream>

using namespace meshgate;
using namespace meshgate::test;
using dns::server::FixedAnswer;
using dns::server::FixedAnswers;
using dns::wire::Rcode;

namespace {

FixedAnswer fixed(std::string_view suffix, std::uint16_t qtype, std::optional<Rcode> rcode) {
    return {dns::wire::to_wire(suffix), dns::wire::qclass::in, qtype, rcode, true};
}

/// What the list says of a question; none: nothing.
std::optional<Rcode> said(const FixedAnswers::List& list, std::string_view name,
                          std::uint16_t qtype) {
    const Bytes message = query(1, name, qtype);
    dns::wire::Question question;
    REQUIRE(parse_question(message, question) == dns::wire::Parsed::question);
    const FixedAnswer* const found = FixedAnswers::find(list, question);
    return found == nullptr ? std::nullopt : found->rcode;
}

}  // namespace

TEST_CASE("the first answer that is for the question decides, at label boundaries") {
    constexpr std::uint16_t any = 255;
    const FixedAnswers::List list{fixed("kept.example", any, std::nullopt),
                                  fixed("example", 28, Rcode::noerror),
                                  fixed("example", any, Rcode::nxdomain)};
    CHECK_FALSE(said(list, "kept.example", 1));
    CHECK_FALSE(said(list, "a.Kept.example", 28));
    CHECK(said(list, "a.example", 28) == Rcode::noerror);
    CHECK(said(list, "example", 1) == Rcode::nxdomain);
    CHECK(said(list, "a.example", any) == Rcode::noerror);
    CHECK_FALSE(said(list, "notexample", 28));
    CHECK_FALSE(said(list, "mesh", 1));
    CHECK(said({fixed("", any, Rcode::refused)}, "mesh", 1) == Rcode::refused);
}

TEST_CASE("fixed answers stand before the names, or behind them, and in front of upstreams") {
    Upstream upstream;
    Server server;
    server.worker().set_routes(dns::forward::one_route({upstream.at()})).get();
    Client client{Kind::udp, server.at()};
    const auto ask = [&](std::string_view name, std::uint16_t qtype) {
        client.send(query(7, name, qtype));
        const auto reply = client.receive();
        REQUIRE(reply);
        return *reply;
    };
    FixedAnswers answers;
    answers.before_names = {fixed("blocked.own", 255, Rcode::nxdomain)};
    answers.behind_names = {fixed("", 28, Rcode::noerror)};
    server.worker().set_fixed_answers(answers).get();
    const Bytes blocked = ask("a.blocked.own", 1);
    CHECK((blocked[3] & 15U) == 3);
    CHECK((blocked[2] & 4U) == 4);  // AA
    CHECK(ask("name.own", 28)[7] == 1);
    CHECK(ask("www.example", 28)[7] == 0);
    CHECK(upstream.queries() == 0);
    CHECK(ask("www.example", 1)[7] == 1);
    CHECK(upstream.queries() == 1);
    server.worker().set_fixed_answers({}).get();
    CHECK(ask("a.blocked.own", 1)[7] == 1);
}
