#include "dns/wire/question.h"

#include "messages.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <ostream>

using namespace meshgate::dns::wire;
using namespace meshgate::test;

namespace {

Bytes error_for(const Bytes& message, Rcode rcode, Ede ede) {
    Question question;
    parse_question(message, question);
    Bytes out(512);
    out.resize(write_error(question, rcode, ede, out));
    return out;
}

Bytes name_of_labels(std::initializer_list<std::size_t> lengths) {
    Bytes name;
    for (const std::size_t length : lengths) {
        name.push_back(static_cast<std::uint8_t>(length));
        name.insert(name.end(), length, 'a');
    }
    name.push_back(0);
    return name;
}

Bytes query_for(const Bytes& name) {
    return hex("beef 0100 0001 0000 0000 0000") + name + hex("0001 0001");
}

}  // namespace

TEST_CASE("a query is read with its name as sent and in lower case") {
    Question question;
    REQUIRE(parse_question(query, question) == Parsed::question);
    CHECK(question.id == 0xbeef);
    CHECK(question.recursion_desired());
    CHECK(question.qtype == type::a);
    CHECK(question.qclass == qclass::in);
    CHECK(question.end() == query.size());
    const Bytes lower = hex("03 776562 04 6d657368 00");
    CHECK(std::equal(lower.begin(), lower.end(), question.lower().begin(), question.lower().end()));
    CHECK_FALSE(question.edns);
}

TEST_CASE("an OPT is found among the additional records") {
    Question question;
    const Bytes message = with_counts(query, 0, 0, 1) + opt;
    REQUIRE(parse_question(message, question) == Parsed::question);
    REQUIRE(question.edns);
    CHECK(question.edns->udp_payload_size == 4096);
    CHECK(question.edns->dnssec_ok);
    CHECK(question.edns->version == 0);
    CHECK(question.edns->options_bytes == 0);
}

TEST_CASE("what is no question gets what the RFCs say") {
    const Bytes badvers = hex("00 0029 1000 00 01 0000 0000");
    const Bytes named_opt = hex("01 61 00 0029 1000 00 00 0000 0000");
    const Bytes tsig = hex("01 6b 00 00fa 00ff 00000000 0002 abcd");
    Bytes response = query, update = query, two = query;
    response[2] = 0x81;
    update[2] = 0x28;
    two[5] = 2;
    struct Row {
        const char* what;
        Bytes message;
        Parsed expected;
    };
    for (const Row& row : {
             Row{"nothing", {}, Parsed::drop},
             Row{"half a header", hex("beef 0100 0001"), Parsed::drop},
             Row{"a response: answering could loop", response, Parsed::drop},
             Row{"no question", hex("beef 0100 0000 0000 0000 0000"), Parsed::formerr},
             Row{"two questions", two, Parsed::formerr},
             Row{"a name cut off", hex("beef 0100 0001 0000 0000 0000 03 7765"), Parsed::formerr},
             Row{"a name that points to itself", query_for(hex("c00c")), Parsed::formerr},
             Row{"a label type of the past", query_for(hex("41 00")), Parsed::formerr},
             Row{"bytes after the end", query + hex("00"), Parsed::formerr},
             Row{"a record promised and not there", with_counts(query, 0, 0, 1), Parsed::formerr},
             Row{"an OPT cut off", with_counts(query, 0, 0, 1) + hex("00 0029 1000 00"),
                 Parsed::formerr},
             Row{"two OPTs", with_counts(query, 0, 0, 2) + opt + opt, Parsed::formerr},
             Row{"an OPT among the answers", with_counts(query, 1, 0, 0) + opt, Parsed::formerr},
             Row{"an OPT with a name", with_counts(query, 0, 0, 1) + named_opt, Parsed::formerr},
             Row{"EDNS version 1", with_counts(query, 0, 0, 1) + badvers, Parsed::badvers},
             Row{"UPDATE", update, Parsed::notimp},
             Row{"a signature goes along", with_counts(query, 0, 0, 1) + tsig, Parsed::question},
         }) {
        CAPTURE(row.what);
        Question question;
        CHECK(parse_question(row.message, question) == row.expected);
    }
}

TEST_CASE("an opcode that is not served is answered with an OPT to who sent one") {
    Bytes message = with_counts(query, 0, 0, 1) + opt;
    message[2] = 0x78;  // opcode 15
    CHECK(error_for(message, Rcode::notimp, Ede::none) ==
          hex("beef f884 0001 0000 0000 0001  03 576562 04 6d655348 00  0001 0001"
              "00 0029 04d0 00 00 8000 0000"));
    message.pop_back();  // what cannot be walked has no OPT
    CHECK(error_for(message, Rcode::notimp, Ede::none) ==
          hex("beef f884 0001 0000 0000 0000  03 576562 04 6d655348 00  0001 0001"));
}

TEST_CASE("an OPT among bytes that make no message is not believed") {
    const Bytes message = with_counts(query, 0, 0, 1) + opt + hex("00");
    CHECK(error_for(message, Rcode::formerr, Ede::none) ==
          hex("beef 8181 0001 0000 0000 0000  03 576562 04 6d655348 00  0001 0001"));
}

TEST_CASE("a name has at most 255 bytes, a label 63") {
    struct Row {
        Bytes name;
        bool good;
    };
    for (const Row& row :
         {Row{name_of_labels({63, 63, 63, 61}), true}, Row{name_of_labels({63, 63, 63, 62}), false},
          Row{name_of_labels({63, 63, 63, 63}), false}, Row{name_of_labels({63}), true},
          Row{name_of_labels({64}), false}, Row{name_of_labels({192}), false},
          Row{hex("00"), true}}) {
        CAPTURE(row.name.size());
        Question question;
        CHECK((parse_question(query_for(row.name), question) == Parsed::question) == row.good);
    }
}

TEST_CASE("an error repeats the question byte for byte") {
    CHECK(error_for(query, Rcode::servfail, Ede::no_reachable_authority) ==
          hex("beef 8182 0001 0000 0000 0000  03 576562 04 6d655348 00  0001 0001"));
}

TEST_CASE("an extended error goes only to who sent an OPT") {
    const Bytes with_opt = with_counts(query, 0, 0, 1) + opt;
    CHECK(error_for(with_opt, Rcode::servfail, Ede::no_reachable_authority) ==
          hex("beef 8182 0001 0000 0000 0001  03 576562 04 6d655348 00  0001 0001"
              "00 0029 04d0 00 00 8000 0006  000f 0002 0016"));
    const Bytes badvers = error_for(with_opt, Rcode::badvers, Ede::none);
    CHECK((badvers[3] & 0xf) == 0);           // the lower four bits of 16
    CHECK(badvers[badvers.size() - 6] == 1);  // the upper eight, in the OPT
}

TEST_CASE("an error without a readable question is a header") {
    CHECK(error_for(hex("beef 0100 0000 0000 0000 0000"), Rcode::formerr, Ede::none) ==
          hex("beef 8181 0000 0000 0000 0000"));
}

TEST_CASE("a client takes 512 bytes, or what its OPT says within our cap") {
    struct Row {
        int payload;  // -1: no OPT
        std::size_t expected;
    };
    for (const Row& row : {Row{-1, 512}, Row{0, 512}, Row{511, 512}, Row{1000, 1000},
                           Row{1232, 1232}, Row{4096, 1232}, Row{65535, 1232}}) {
        CAPTURE(row.payload);
        Question question;
        if (row.payload >= 0) {
            question.edns = Edns{static_cast<std::uint16_t>(row.payload), 0, false, 0, 0};
        }
        CHECK(udp_limit(question, udp_payload_ours) == row.expected);
    }
}

TEST_CASE("a reply is cut to its question, with TC, keeping its OPT") {
    Bytes reply = with_counts(query, 1, 0, 1) + hex("c00c 0001 0001 0000001e 0004 0a000001") + opt;
    reply[2] = 0x81;
    reply[3] = 0x80;
    Bytes out(512);
    out.resize(write_truncated(reply, out));
    CHECK(out == hex("beef 8380 0001 0000 0000 0001  03 576562 04 6d655348 00  0001 0001"
                     "00 0029 04d0 00 00 8000 0000"));
    Bytes small(10);
    CHECK(write_truncated(reply, small) == 0);
    CHECK(write_truncated(hex("beef 8180"), out) == 0);
}
