#include "dns/forward/health.h"
#include "dns/forward/pending.h"
#include "dns/forward/query_table.h"
#include "dns/forward/reply_stream.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <set>
#include <vector>

using namespace meshgate::dns::forward;
using std::chrono::seconds;
using Bytes = std::vector<std::uint8_t>;

namespace {

/// One query, to be matched.
struct Sent final : ExchangeEvents {
    std::span<std::uint8_t> message_of(QueryRef query) noexcept override {
        return query == ref ? std::span{message} : std::span<std::uint8_t>{};
    }
    void on_exchange_reply(Server&, QueryRef, Transport,
                           std::span<std::uint8_t>) noexcept override {}
    void on_exchange_error(Server&, QueryRef, Transport) noexcept override {}
    void on_ignored_reply() noexcept override {}

    QueryRef ref{1, 1};
    Bytes message{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};
};

Bytes with_id(Bytes message, std::uint16_t id) {
    message[0] = static_cast<std::uint8_t>(id >> 8U);
    message[1] = static_cast<std::uint8_t>(id);
    message[2] = 0x81;
    return message;
}

}  // namespace

TEST_CASE("three failures in a row are a server that is down, one reply is one that is up") {
    Health health;
    const Clock::time_point start{};
    for (int round = 0; round < 2; ++round) {
        CHECK(health.failed(start) == Health::Change::none);
        CHECK(health.failed(start) == Health::Change::none);
        CHECK(health.up());
        health.replied();
    }
    CHECK(health.failed(start) == Health::Change::none);
    CHECK(health.failed(start) == Health::Change::none);
    CHECK(health.failed(start) == Health::Change::went_down);
    CHECK(health.failed(start) == Health::Change::none);
    CHECK_FALSE(health.up());
    health.replied();
    CHECK(health.up());
}

TEST_CASE("late replies are half a failure each, and one reply is the end of them") {
    Health health;
    const Clock::time_point start{};
    const auto is_late = [&] { return health.failed(start, Health::Failure::late); };
    for (int i = 0; i < 5; ++i) CHECK(is_late() == Health::Change::none);
    health.replied();
    for (int i = 0; i < 4; ++i) CHECK(is_late() == Health::Change::none);
    CHECK(health.failed(start) == Health::Change::went_down);
}

TEST_CASE("the time to a reply is smoothed as RFC 6298 says") {
    using std::chrono::milliseconds;
    Health health;
    CHECK_FALSE(health.smoothed_time());
    CHECK_FALSE(health.expected_within());
    health.took(milliseconds{80});
    CHECK(*health.smoothed_time() == milliseconds{80});
    CHECK(*health.expected_within() == milliseconds{80 + 4 * 40});
    health.took(milliseconds{160});  // 80 off: variation 40 + 40 / 4, time 80 + 80 / 8
    CHECK(*health.smoothed_time() == milliseconds{90});
    CHECK(*health.expected_within() == milliseconds{90 + 4 * 50});
    for (int i = 0; i < 200; ++i) health.took(milliseconds{20});
    CHECK(*health.expected_within() < milliseconds{25});
    CHECK(*health.smoothed_time() >= milliseconds{20});
}

TEST_CASE("probes become rare") {
    Health health;
    Clock::time_point now{};
    CHECK_FALSE(health.probe_due(now));
    for (int i = 0; i < 3; ++i) health.failed(now);
    for (const int pause : {1, 2, 4, 8, 16, 30, 30}) {
        CAPTURE(pause);
        CHECK_FALSE(health.probe_due(now + seconds{pause} - std::chrono::milliseconds{1}));
        now += seconds{pause};
        CHECK(health.probe_due(now));
        CHECK_FALSE(health.probe_due(now));
    }
    health.replied();
    for (int i = 0; i < 3; ++i) health.failed(now);
    CHECK(health.probe_due(now + seconds{1}));
}

TEST_CASE("a pending query is ended by its reply only") {
    Sent sent;
    Pending pending;
    pending.add({0x0102, sent.ref});
    const Bytes good = with_id(sent.message, 0x0102);
    Bytes no_response = good, other_class = good, short_one = good, two_questions = good;
    no_response[2] = 1;
    other_class.back() = 3;
    short_one.resize(11);
    two_questions[5] = 2;
    for (const Bytes& wrong : {Bytes{}, no_response, other_class, short_one, two_questions,
                               with_id(sent.message, 0x0103)}) {
        CHECK_FALSE(pending.take(wrong, sent));
    }
    // Cut at every length: only what holds the whole question can match.
    for (std::size_t size = 0; size < good.size(); ++size) {
        CHECK_FALSE(pending.take(std::span{good}.first(size), sent));
    }
    CHECK(pending.take(good, sent));
    CHECK_FALSE(pending.take(good, sent));
    CHECK(pending.empty());
}

TEST_CASE("two attempts of one query are told apart by their ids") {
    Sent sent;
    Pending pending;
    pending.add({1, sent.ref});
    pending.add({2, sent.ref});
    CHECK(pending.take(with_id(sent.message, 1), sent)->id == 1);
    CHECK(pending.take(with_id(sent.message, 2), sent)->id == 2);
}

TEST_CASE("the id of a detached query stays in use until a reply comes") {
    Sent sent;
    Pending pending;
    pending.add({7, sent.ref});
    pending.detach(sent.ref);
    CHECK(pending.size() == 1);
    const auto entry = pending.take(with_id(sent.message, 7), sent);
    REQUIRE(entry);
    CHECK(entry->query == no_query);
    CHECK(pending.empty());
}

TEST_CASE("ids in use are not given again, and all of them are used") {
    Random random;
    Pending pending;
    std::set<std::uint16_t> seen;
    for (int i = 0; i < 2000; ++i) {
        const std::uint16_t id = pending.unused_id(random);
        CHECK(seen.insert(id).second);
        pending.add({id, {1, 1}});
    }
}

TEST_CASE("random numbers are spread evenly") {
    Random random;
    std::array<double, 256> high{}, low{};
    constexpr int draws = 1 << 16;
    for (int i = 0; i < draws; ++i) {
        const std::uint16_t number = random.next16();
        ++high[number >> 8U];
        ++low[number & 0xffU];
    }
    for (const auto& counts : {high, low}) {
        double chi_square = 0;
        constexpr double expected = draws / 256.0;
        for (const double count : counts) {
            chi_square += (count - expected) * (count - expected) / expected;
        }
        // 255 degrees of freedom: beyond these less than once in a thousand million runs.
        CHECK(chi_square > 140);
        CHECK(chi_square < 415);
    }
    for (int i = 0; i < 1000; ++i) CHECK(random.below(3) < 3);
}

TEST_CASE("messages come out of a stream whole, however it was cut") {
    Bytes stream;
    const std::array<std::size_t, 5> sizes{12, 0, 65535, 1, 5000};
    for (const std::size_t size : sizes) {
        stream.push_back(static_cast<std::uint8_t>(size >> 8U));
        stream.push_back(static_cast<std::uint8_t>(size));
        for (std::size_t i = 0; i < size; ++i) stream.push_back(static_cast<std::uint8_t>(i * 7));
    }
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{3}, std::size_t{4096}, stream.size()}) {
        CAPTURE(piece);
        ReplyStream replies;
        std::vector<std::size_t> seen;
        std::size_t wrong = 0;
        for (std::size_t at = 0; at < stream.size();) {
            const auto space = replies.space();
            REQUIRE_FALSE(space.empty());
            const std::size_t bytes = std::min({piece, space.size(), stream.size() - at});
            std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), bytes, space.begin());
            replies.received(bytes);
            at += bytes;
            while (const auto message = replies.next()) {
                for (std::size_t i = 0; i < message->size(); ++i) {
                    wrong += (*message)[i] != static_cast<std::uint8_t>(i * 7);
                }
                seen.push_back(message->size());
            }
        }
        CHECK(seen == std::vector<std::size_t>(sizes.begin(), sizes.end()));
        CHECK(wrong == 0);
        CHECK(replies.space().size() <= 4096);  // the large one left nothing behind
    }
}

TEST_CASE("a slot does not keep what a large query brought") {
    QueryTable table{10};
    const auto slot = table.take(Bytes(60000));
    REQUIRE(slot);
    table[*slot].fallback.resize(4000);
    table.release(*slot);
    CHECK(table[*slot].message.capacity() == 0);
    CHECK(table[*slot].fallback.capacity() == 0);
    const auto small = table.take(Bytes(40));
    REQUIRE(small);
    table.release(*small);
    CHECK(table[*small].message.capacity() > 0);  // no allocation next time
}

TEST_CASE("a query is found by its own reference only") {
    QueryTable table{2};
    const auto first = table.take(Bytes(20));
    REQUIRE(first);
    const QueryRef ref = table.ref(*first);
    CHECK(table.find(ref) == &table[*first]);
    table.release(*first);
    CHECK(table.find(ref) == nullptr);
    const auto second = table.take(Bytes(20));
    REQUIRE(second);
    CHECK(*second == *first);
    CHECK(table.find(ref) == nullptr);
    CHECK(table.find(no_query) == nullptr);
    CHECK(table.find({0, 0}) == nullptr);
    CHECK(table.take(Bytes(20)));
    CHECK_FALSE(table.take(Bytes(20)));
}
