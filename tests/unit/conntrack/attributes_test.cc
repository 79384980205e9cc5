#include "netfilter/conntrack/attributes.h"
#include "netfilter/conntrack/kernel_headers.h"
#include "netfilter/conntrack/messages.h"

#include <doctest/doctest.h>

#include <cstring>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;

namespace {

conf::IpAddress address(const std::string& text) {
    return conf::IpAddress::parse(text).value();
}

Tuple tuple(const std::string& source, conf::Port sport, const std::string& destination,
            conf::Port dport) {
    return {address(source), address(destination), sport, dport, 0};
}

struct Parts {
    Tuple original = tuple("10.0.0.1", 40000, "192.0.2.1", 443);
    Tuple reply = tuple("127.0.0.1", 15001, "10.0.0.1", 40000);
    std::uint16_t original_zone = 0, reply_zone = 0, zone = 0;
    conf::Protocol protocol = conf::Protocol::tcp;
};

/// As the kernel writes it.
ConntrackMessage entry(const Parts& parts) {
    ConntrackMessage message{IPCTNL_MSG_CT_NEW, AF_INET};
    message.put_tuple(CTA_TUPLE_ORIG, parts.protocol, parts.original, parts.original_zone);
    message.put_tuple(CTA_TUPLE_REPLY, parts.protocol, parts.reply, parts.reply_zone);
    message.put_zone(parts.zone);
    message.put_u32(CTA_STATUS, IPS_SEEN_REPLY | IPS_CONFIRMED | IPS_DST_NAT);
    message.put_u32(CTA_ID, 0x01020304);
    message.put_established();
    return message;
}

std::vector<std::uint8_t> bytes_of(ConntrackMessage message) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(&message.header());
    return {begin, begin + message.header().nlmsg_len};
}

std::optional<Connection> parse(const std::vector<std::uint8_t>& bytes) {
    return parse_connection(*reinterpret_cast<const nlmsghdr*>(bytes.data()));
}

}  // namespace

TEST_CASE("the bytes of an entry are those of both directions, where the kernel counts") {
    auto bytes = bytes_of(entry({}));
    CHECK_FALSE(parse(bytes)->bytes);
    // { CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES }, as ctnetlink_dump_counters() has them
    std::vector<std::uint8_t> counters{28, 0, CTA_COUNTERS_ORIG,    0x80,                         //
                                       12, 0, CTA_COUNTERS_PACKETS, 0, 0, 0, 0, 0, 0, 0, 0, 7,  //
                                       12, 0, CTA_COUNTERS_BYTES,   0, 0, 0, 0, 1, 0, 0, 0, 2};
    const auto append = [&] {
        bytes.insert(bytes.end(), counters.begin(), counters.end());
        reinterpret_cast<nlmsghdr*>(bytes.data())->nlmsg_len = static_cast<std::uint32_t>(bytes.size());
    };
    append();
    CHECK(parse(bytes)->bytes == 0x100000002);
    counters[2] = CTA_COUNTERS_REPLY;
    append();
    CHECK(parse(bytes)->bytes == 0x200000004);
}

TEST_CASE("an entry is read whole") {
    Parts parts;
    SUBCASE("IPv4") {}
    SUBCASE("IPv6") {
        parts.original = tuple("fd00::1", 40000, "2001:db8::1", 443);
        parts.reply = tuple("::1", 15001, "fd00::1", 40000);
    }
    SUBCASE("UDP") {
        parts.protocol = conf::Protocol::udp;
    }
    const auto read = parse(bytes_of(entry(parts)));
    REQUIRE(read);
    CHECK(read->protocol == parts.protocol);
    CHECK(read->original == parts.original);
    CHECK(read->reply == parts.reply);
    CHECK(read->answered);
    CHECK(read->phase == Phase::open);
    CHECK(read->id == 0x01020304);
    CHECK(is_redirected(*read));
}

TEST_CASE("a zone is of one direction or of both") {
    Parts parts;
    parts.original_zone = 15053;
    auto read = parse(bytes_of(entry(parts)));
    REQUIRE(read);
    CHECK(read->original.zone == 15053);
    CHECK(read->reply.zone == 0);
    parts.original_zone = 0;
    parts.zone = 7;
    read = parse(bytes_of(entry(parts)));
    REQUIRE(read);
    CHECK(read->original.zone == 7);
    CHECK(read->reply.zone == 7);
}

TEST_CASE("what is cut short anywhere is no entry, or the same without its end") {
    const auto whole = bytes_of(entry({}));
    REQUIRE(parse(whole));
    for (std::size_t length = NLMSG_HDRLEN; length < whole.size(); ++length) {
        CAPTURE(length);
        std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<long>(length));
        const auto said = static_cast<std::uint32_t>(length);
        std::memcpy(cut.data(), &said, sizeof said);
        const auto read = parse(cut);
        if (read) CHECK(read->original == parse(whole)->original);
    }
}

TEST_CASE("what is no entry of a connection with ports is left out") {
    auto bytes = bytes_of(entry({}));
    SUBCASE("another message") {
        reinterpret_cast<nlmsghdr*>(bytes.data())->nlmsg_type = 2;
    }
    SUBCASE("another protocol in one direction") {
        for (std::size_t i = 0; i + 5 < bytes.size(); ++i) {
            const std::vector<std::uint8_t> number{5, 0, CTA_PROTO_NUM, 0, IPPROTO_TCP};
            if (std::equal(number.begin(), number.end(), bytes.begin() + static_cast<long>(i))) {
                bytes[i + 4] = 132;  // SCTP
                break;
            }
        }
    }
    CHECK(!parse(bytes));
    CHECK(!parse(bytes_of(ConntrackMessage{IPCTNL_MSG_CT_NEW, AF_INET})));
}
