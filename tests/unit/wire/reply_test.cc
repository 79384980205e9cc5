#include "dns/wire/reply.h"

#include "messages.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate::dns::wire;
using namespace meshgate::test;

namespace {

/// The query as a reply, with one byte changed.
Bytes reply(std::size_t at = 2, std::uint8_t value = 0x81) {
    Bytes bytes = query;
    bytes[2] = 0x81;
    bytes[at] = value;
    return bytes;
}

}  // namespace

TEST_CASE("a reply matches by id, question and kind, and by nothing less") {
    Bytes no_question = hex("beef 8105 0000 0000 0000 0000");
    Bytes no_question_noerror = hex("beef 8180 0000 0000 0000 0000");
    const auto with_records = [](const char* records, std::uint8_t count,
                                 std::uint8_t flags = 0x81) {
        Bytes bytes = reply(2, flags);
        bytes[7] = count;
        return bytes + hex(records);
    };
    struct Row {
        const char* what;
        Bytes bytes;
        bool expected;
    };
    for (const Row& row :
         {Row{"a record", with_records("c00c 0001 0001 0000003c 0004 c0000201", 1), true},
          Row{"a record too few", with_records("c00c 0001 0001 0000003c 0004 c0000201", 2), false},
          Row{"a record that is cut", with_records("c00c 0001 0001 0000003c 0004 c00002", 1),
              false},
          Row{"one that is cut in its name", with_records("07657861", 1), false},
          Row{"one that is cut, as it says", with_records("c00c 0001", 1, 0x83), true},
          Row{"an error without a question that counts a record",
              hex("beef 8105 0000 0001 0000 0000"), false},
          Row{"the reply", reply(), true},
          Row{"another id", reply(1, 0xee), false},
          Row{"a query", query, false},
          Row{"another opcode", reply(2, 0xa9), false},
          Row{"another letter in the name", reply(13, 'x'), false},
          Row{"another case of a letter", reply(13, 'w'), false},
          Row{"another type", reply(query.size() - 3, 28), false},
          Row{"another class", reply(query.size() - 1, 3), false},
          Row{"two questions", reply(5, 2), false},
          Row{"no question, with an error", no_question, true},
          Row{"no question, without an error", no_question_noerror, false},
          Row{"cut in the name", Bytes(query.begin(), query.begin() + 15), false},
          Row{"three bytes", hex("beef81"), false},
          Row{"nothing", {}, false}}) {
        CAPTURE(row.what);
        CHECK(matches(row.bytes, query) == row.expected);
    }
}

namespace {

/// A query as the other client sent it: "WEB.mesh", id 1234.
const Bytes other = hex("1234 0100 0001 0000 0000 0000  03 574542 04 6d657368 00  0001 0001");
const Bytes answer = hex("c00c 0001 0001 0000003c 0004 c0000201");
/// An OPT with an option (a cookie), an extended rcode of 1, and DO.
const Bytes upstream_opt = hex("00 0029 04d0 01 00 8000 000c 000a 0008 0102030405060708");

Bytes relayed(const Bytes& from, Bytes to, std::size_t limit = 1232,
              ReplyOptions options = ReplyOptions::drop) {
    Question question;
    REQUIRE(parse_question(to, question) == Parsed::question);
    Bytes out(1232);
    out.resize(write_relayed(from, question, options, limit, out));
    return out;
}

}  // namespace

TEST_CASE("one reply serves another client: its id, its spelling, an OPT as it asked") {
    const Bytes bare = with_counts(reply() + answer, 1, 0, 0);
    const Bytes full = with_counts(reply() + answer + upstream_opt, 1, 0, 1);
    const Bytes head =
        hex("1234 8100 0001 0001 0000 0000") + Bytes(other.begin() + 12, other.end());
    for (const Bytes& from : {bare, full}) CHECK(relayed(from, other) == head + answer);
    const Bytes with_opt = with_counts(other, 0, 0, 1) + opt;
    CHECK(relayed(bare, with_opt) ==
          with_counts(head, 1, 0, 1) + answer + hex("00 0029 04d0 00 00 8000 0000"));
    // The extended rcode stays, the option meant for the other does not.
    CHECK(relayed(full, with_opt) ==
          with_counts(head, 1, 0, 1) + answer + hex("00 0029 04d0 01 00 8000 0000"));
}

TEST_CASE("the one whose query went upstream gets the options of the reply, but no cookie") {
    const Bytes ede = hex("000f 0002 0012"), cookie = hex("000a 0008 0102030405060708");
    const auto reply_with = [](const Bytes& options) {
        return with_counts(reply() + answer, 1, 0, 1) + hex("00 0029 1000 01 00 8000 00") +
               Bytes{static_cast<std::uint8_t>(options.size())} + options;
    };
    const Bytes asked = with_counts(other, 0, 0, 1) + opt;
    const Bytes head =
        hex("1234 8100 0001 0001 0000 0001") + Bytes(other.begin() + 12, other.end());
    const Bytes our_opt = hex("00 0029 04d0 01 00 8000 00");
    const auto pass = ReplyOptions::pass;
    CHECK(relayed(reply_with(cookie + ede), asked, 1232, pass) ==
          head + answer + our_opt + Bytes{6} + ede);
    CHECK(relayed(reply_with(cookie), asked, 1232, pass) == head + answer + our_opt + Bytes{0});
    // To who has no OPT, nothing of one; what does not fit goes with all the rest.
    CHECK(relayed(reply_with(ede), other, 1232, pass) ==
          with_counts(head, 1, 0, 0) + answer);
    const std::size_t whole = relayed(reply_with(ede), asked, 1232, pass).size();
    CHECK(relayed(reply_with(ede), asked, whole, pass).size() == whole);
    const Bytes cut = relayed(reply_with(ede), asked, whole - 1, pass);
    CHECK((cut[2] & 0x02) != 0);
    CHECK(cut.size() == other.size() + opt.size());
}

TEST_CASE("additional records go as far as the OPT, and AD only to who knows it") {
    const Bytes extra = hex("c00c 0010 0001 0000003c 0002 0161");
    Bytes from = with_counts(reply() + answer + extra + upstream_opt + extra, 1, 0, 3);
    from[3] = 0xa0;  // RA, AD
    Bytes got = relayed(from, other);
    CHECK(got.size() == other.size() + answer.size() + extra.size());
    CHECK(got[11] == 1);
    CHECK(got[3] == 0x80);
    Bytes asks_ad = other;
    asks_ad[3] = 0x20;
    CHECK(relayed(from, asks_ad)[3] == 0xa0);
}

TEST_CASE("what does not fit the other client is cut, and what is no answer to it is nothing") {
    const Bytes from = with_counts(reply() + answer, 1, 0, 0);
    const Bytes cut = relayed(from, other, 40);
    CHECK(cut.size() == other.size());
    CHECK((cut[2] & 0x02) != 0);
    CHECK(cut[7] == 0);
    struct Row {
        const char* what;
        Bytes bytes;
    };
    const Row rows[] = {
        {"short", Bytes(from.begin(), from.begin() + 11)},
        {"another name", with_counts(reply(13, 'x') + answer, 1, 0, 0)},
        {"another type", with_counts(reply(22, 28) + answer, 1, 0, 0)},
        {"two questions", reply(5, 2) + answer},
        {"a record is cut",
         with_counts(reply() + Bytes(answer.begin(), answer.end() - 1), 1, 0, 0)},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        CHECK(relayed(row.bytes, other).empty());
    }
    // A refusal without a question is one for whoever asked.
    CHECK(relayed(hex("beef 8105 0000 0000 0000 0000"), other) ==
          hex("1234 8185 0001 0000 0000 0000") + Bytes(other.begin() + 12, other.end()));
}
