#include "dns/server/tcp_framing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ostream>
#include <vector>

using meshgate::dns::server::TcpFraming;
using Bytes = std::vector<std::uint8_t>;

namespace {

Bytes frame(std::size_t size, std::uint8_t fill) {
    Bytes out{static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    out.insert(out.end(), size, fill);
    return out;
}

/// All messages of `stream`, fed in pieces of `piece` bytes.
std::vector<Bytes> cut(const Bytes& stream, std::size_t piece) {
    TcpFraming framing;
    std::vector<Bytes> out;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        const Bytes read(stream.begin() + static_cast<std::ptrdiff_t>(at),
                         stream.begin() +
                             static_cast<std::ptrdiff_t>(std::min(at + piece, stream.size())));
        framing.feed(read);
        while (const auto message = framing.next())
            out.emplace_back(message->begin(), message->end());
        framing.keep();
    }
    return out;
}

}  // namespace

TEST_CASE("messages are the same whatever the segment borders") {
    Bytes stream;
    std::vector<Bytes> expected;
    std::uint8_t fill = 0;
    for (const std::size_t size : {0, 1, 2, 12, 255, 256, 300, 0, 65535, 40, 4096}) {
        const Bytes framed = frame(size, ++fill);
        stream.insert(stream.end(), framed.begin(), framed.end());
        expected.emplace_back(size, fill);
    }
    for (const std::size_t piece : {1, 2, 3, 7, 1460, 4096, 65537, 200000}) {
        CAPTURE(piece);
        CHECK(cut(stream, piece) == expected);
    }
}

TEST_CASE("half a message waits, and nothing is made up") {
    TcpFraming framing;
    const Bytes begun{0, 5, 'a', 'b'};
    framing.feed(begun);
    CHECK_FALSE(framing.next());
    framing.keep();
    CHECK(framing.kept_bytes() == 4);
    framing.feed({});
    CHECK_FALSE(framing.next());
}

TEST_CASE("messages that had to wait come out later, in order") {
    Bytes stream;
    for (std::uint8_t i = 0; i < 100; ++i) {
        const Bytes framed = frame(50, i);
        stream.insert(stream.end(), framed.begin(), framed.end());
    }
    TcpFraming framing;
    framing.feed(stream);
    for (std::uint8_t i = 0; i < 100; ++i) {
        const auto message = framing.next();
        REQUIRE(message);
        CHECK(Bytes(message->begin(), message->end()) == Bytes(50, i));
        framing.keep();  // as if the connection paused after each
    }
    CHECK_FALSE(framing.next());
    CHECK(framing.kept_bytes() == 0);
}
