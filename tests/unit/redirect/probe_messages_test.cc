#include "src/meshgate-redirect/probing/probe_messages.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;
using namespace meshgate::redirect;
using conf::Protocol;

TEST_CASE("a listener knows the probe by what it says, and its answer is one") {
    for (const auto protocol : {Protocol::tcp, Protocol::udp}) {
        for (const bool speaks_dns : {false, true}) {
            for (const std::size_t number : {0U, 7U, 199U}) {
                CAPTURE(number);
                const auto message = probe_message(number, speaks_dns, protocol, "");
                CHECK(number_of_probe(message, protocol) == number);
                const auto answer = answer_to(message, protocol);
                CHECK(answer.size() == message.size());
                CHECK(parse_dns_answer(answer, protocol).has_value() == speaks_dns);
            }
        }
    }
}

TEST_CASE("a question of a probe asks a server who it is, which nobody passes on") {
    using namespace std::string_literals;
    CHECK(probe_message(1, true, Protocol::udp, "") ==
          "\x6d\x01\0\0\0\x01\0\0\0\0\0\0\x07version\x04"
          "bind\0\0\x10\0\x03"s);
    CHECK(probe_message(2, true, Protocol::udp, "backend.mesh") ==
          "\x6d\x02\x01\0\0\x01\0\0\0\0\0\0\x07"
          "backend\x04mesh\0\0\x01\0\x01"s);
    CHECK(probe_message(2, true, Protocol::tcp, "a").starts_with("\0\x13"s));
}

TEST_CASE("what others say is nobody's probe and no answer") {
    for (const std::string message : {"", "x", "meshgate probe ", "meshgate probe x",
                                      "GET / HTTP/1.1\r\n\r\n", "0123456789ab"}) {
        CAPTURE(message);
        CHECK_FALSE(number_of_probe(message, Protocol::udp));
        CHECK_FALSE(number_of_probe(message, Protocol::tcp));
    }
    const auto question = probe_message(1, true, Protocol::udp, "");
    CHECK_FALSE(parse_dns_answer(question, Protocol::udp));
    CHECK_FALSE(parse_dns_answer("", Protocol::tcp));
    using namespace std::string_literals;
    const auto answer = parse_dns_answer("\x6d\x01\x81\x83\0\x01\0\x02\0\0\0\0"s, Protocol::udp);
    REQUIRE(answer.has_value());
    CHECK(answer->rcode == 3);
    CHECK(answer->records == 2);
}
