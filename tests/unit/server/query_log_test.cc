#include "dns/server/query_log.h"

#include "dns/wire/text_name.h"
#include "tests/unit/server/loopback.h"
#include "tests/unit/server/upstream.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

using namespace meshgate;
using namespace meshgate::test;
using dns::server::LoggedQuery;
using dns::server::Proto;
using dns::server::QueryLog;
using dns::server::Source;

namespace {

LoggedQuery numbered(std::uint16_t number) {
    LoggedQuery query;
    query.qtype = number;
    return query;
}

/// A worker whose answers are all written to a log.
struct Logging {
    Logging() {
        server.worker().set_routes(dns::forward::one_route({upstream.at()})).get();
        server.worker().set_query_log(log).get();
    }
    LoggedQuery next() {
        std::array<LoggedQuery, 1> one;
        REQUIRE(eventually([&] { return log->read(one) == 1; }));
        return one[0];
    }

    Upstream upstream;
    Server server{Server::Options{.limits = {.cache_bytes = std::size_t{1} << 20}}};
    std::shared_ptr<QueryLog> log = std::make_shared<QueryLog>(64, 1);
};

std::string name_of(const LoggedQuery& query) {
    return dns::wire::to_text(query.qname());
}

}  // namespace

TEST_CASE("a log gives back what was written, in order, and loses the newest when it is full") {
    QueryLog log{8, 1};
    std::array<LoggedQuery, 3> out;
    CHECK(log.read(out) == 0);
    for (std::uint16_t i = 0; i < 10; ++i) log.write(numbered(i));
    CHECK(log.lost() == 2);
    std::vector<std::uint16_t> seen;
    for (std::size_t n = 0; (n = log.read(out)) != 0;) {
        for (std::size_t i = 0; i < n; ++i) seen.push_back(out[i].qtype);
    }
    CHECK(seen == std::vector<std::uint16_t>{0, 1, 2, 3, 4, 5, 6, 7});
    log.write(numbered(77));
    CHECK(log.read(out) == 1);
    CHECK(out[0].qtype == 77);
}

TEST_CASE("one query in so many is taken, at random, and each of them with one in one") {
    QueryLog every{8, 1};
    for (int i = 0; i < 100; ++i) CHECK(every.takes_this({}));
    for (const std::uint32_t one_in : {2U, 10U, 1000U}) {
        QueryLog log{8, one_in};
        unsigned taken = 0;
        std::vector<unsigned> gaps{0};
        for (std::uint32_t i = 0; i < one_in * 2000; ++i) {
            ++gaps.back();
            if (!log.takes_this({})) continue;
            ++taken;
            gaps.push_back(0);
        }
        CAPTURE(one_in);
        CHECK(taken > 1800);
        CHECK(taken < 2200);
        CHECK(std::adjacent_find(gaps.begin(), gaps.end(), std::not_equal_to<>{}) != gaps.end());
    }
}

TEST_CASE("only the classes of answers that are wanted are taken") {
    // A header: id, flags with the rcode, one question, and so many answers.
    const auto reply = [](std::uint8_t rcode, std::uint8_t answers) {
        return std::array<std::uint8_t, 12>{0, 1, 0x81, rcode, 0, 1, 0, answers};
    };
    using dns::server::ReplyClass;
    const auto takes = [](ReplyClass wanted, const std::array<std::uint8_t, 12>& answer) {
        return QueryLog{8, 1, static_cast<dns::server::ReplyClasses>(wanted)}.takes_this(answer);
    };
    CHECK(takes(ReplyClass::success, reply(0, 1)));
    CHECK_FALSE(takes(ReplyClass::success, reply(0, 0)));
    CHECK(takes(ReplyClass::denial, reply(0, 0)));
    CHECK(takes(ReplyClass::denial, reply(3, 1)));
    CHECK_FALSE(takes(ReplyClass::denial, reply(2, 0)));
    CHECK(takes(ReplyClass::error, reply(2, 0)));
    CHECK_FALSE(takes(ReplyClass::error, reply(3, 0)));
}

TEST_CASE("one thread writes while another reads") {
    QueryLog log{64, 1};
    constexpr std::uint16_t count = 20000;
    const std::jthread writer{[&log] {
        for (std::uint16_t i = 0; i < count; ++i) {
            log.write(numbered(i));
            if (i % 32 == 0) std::this_thread::yield();
        }
    }};
    std::array<LoggedQuery, 16> out;
    std::size_t seen = 0;
    int last = -1;
    bool in_order = true;
    CHECK(eventually([&] {
        const std::size_t n = log.read(out);
        for (std::size_t i = 0; i < n; ++i) {
            in_order = in_order && out[i].qtype > last;
            last = out[i].qtype;
        }
        seen += n;
        return seen + log.lost() == count;
    }));
    CHECK(in_order);
}

TEST_CASE("each answer is logged once, with where it came from") {
    Logging l;
    Client udp{Kind::udp, l.server.at()}, tcp{Kind::tcp, l.server.at()};

    udp.send(query(1, "WWW.own"));
    const auto owned_answer = udp.receive();
    auto logged = l.next();
    CHECK(name_of(logged) == "WWW.own");
    CHECK(logged.source == Source::owned);
    CHECK(logged.proto == Proto::udp);
    CHECK(logged.qtype == 1);
    CHECK(logged.qclass == 1);
    CHECK(logged.rcode == dns::wire::Rcode::noerror);
    REQUIRE(owned_answer);
    CHECK(logged.answer_bytes == owned_answer->size());
    CHECK(dns::server::is_loopback(logged.client));
    CHECK(dns::server::port(logged.client) != 0);

    tcp.send_message(query(2, "www.example"));
    CHECK(tcp.receive());
    logged = l.next();
    CHECK(logged.source == Source::upstream);
    CHECK(logged.proto == Proto::tcp);
    CHECK(dns::server::is_loopback(logged.client));
    CHECK(logged.took.count() > 0);

    udp.send(query(3, "www.Example"));
    CHECK(udp.receive());
    logged = l.next();
    CHECK(logged.source == Source::cache);
    CHECK(name_of(logged) == "www.Example");

    udp.send(query(4, "refuse"));
    CHECK(udp.receive());
    logged = l.next();
    CHECK(logged.source == Source::upstream);
    CHECK(logged.rcode == dns::wire::Rcode::refused);

    l.upstream.set(Upstream::Mood::failing);
    udp.send(query(5, "down.example"));
    CHECK(udp.receive());
    CHECK(l.next().rcode == dns::wire::Rcode::servfail);
    std::array<LoggedQuery, 1> none;
    CHECK(l.log->read(none) == 0);
}

TEST_CASE("what is no query is logged without a name, with a version too high as BADVERS") {
    Logging l;
    Client udp{Kind::udp, l.server.at()};
    Bytes none = query(1, "www.own");
    none.resize(12);
    none[5] = 0;
    udp.send(none);
    CHECK(udp.receive());
    auto logged = l.next();
    CHECK(logged.qname_bytes == 0);
    CHECK(logged.rcode == dns::wire::Rcode::formerr);
    CHECK(logged.source == Source::local);

    Bytes version = query(2, "www.own", 1, 1232);
    version[version.size() - 5] = 1;
    udp.send(version);
    CHECK(udp.receive());
    CHECK(l.next().rcode == dns::wire::Rcode::badvers);
}

TEST_CASE("a log that is taken away is written to no more, and a trace never") {
    Logging l;
    std::atomic<bool> done = false;
    l.server.worker().trace(query(1, "www.example"), [&](auto) { done = true; });
    REQUIRE(eventually([&] { return done.load(); }));
    l.server.worker().set_query_log(nullptr).get();
    Client udp{Kind::udp, l.server.at()};
    udp.send(query(2, "www.own"));
    CHECK(udp.receive());
    std::array<LoggedQuery, 1> none;
    CHECK(l.log->read(none) == 0);
    CHECK(l.log.use_count() == 1);
}
