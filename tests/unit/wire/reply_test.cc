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
    struct Row {
        const char* what;
        Bytes bytes;
        bool expected;
    };
    for (const Row& row :
         {Row{"the reply", reply(), true}, Row{"another id", reply(1, 0xee), false},
          Row{"a query", query, false}, Row{"another opcode", reply(2, 0xa9), false},
          Row{"another letter in the name", reply(13, 'x'), false},
          Row{"another case of a letter", reply(13, 'w'), false},
          Row{"another type", reply(query.size() - 3, 28), false},
          Row{"another class", reply(query.size() - 1, 3), false},
          Row{"two questions", reply(5, 2), false},
          Row{"no question, with an error", no_question, true},
          Row{"no question, without an error", no_question_noerror, false},
          Row{"cut in the name", Bytes(query.begin(), query.begin() + 15), false},
          Row{"three bytes", hex("beef81"), false}, Row{"nothing", {}, false}}) {
        CAPTURE(row.what);
        CHECK(matches(row.bytes, query) == row.expected);
    }
}
