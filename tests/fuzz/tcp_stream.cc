// A TCP stream cut at arbitrary places: the messages that come out must be those of the stream read
// in one piece. The first byte of the input chooses the pieces.
#include "dns/server/tcp_framing.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

using Messages = std::vector<std::vector<std::uint8_t>>;

Messages whole(std::span<const std::uint8_t> stream) {
    Messages out;
    while (stream.size() >= 2) {
        const std::size_t size = std::size_t{stream[0]} << 8 | stream[1];
        if (stream.size() < 2 + size) break;
        out.emplace_back(stream.begin() + 2,
                         stream.begin() + 2 + static_cast<std::ptrdiff_t>(size));
        stream = stream.subspan(2 + size);
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::uint8_t seed = data[0];
    const std::span stream{data + 1, size - 1};
    meshgate::dns::server::TcpFraming framing;
    Messages out;
    std::size_t at = 0;
    for (unsigned turn = seed; at < stream.size(); turn = turn * 75 + 74) {
        const std::size_t piece = std::min<std::size_t>(1 + turn % 61, stream.size() - at);
        const std::vector<std::uint8_t> read(stream.begin() + static_cast<std::ptrdiff_t>(at),
                                             stream.begin() +
                                                 static_cast<std::ptrdiff_t>(at + piece));
        at += piece;
        framing.feed(read);
        // Some turns take one message only, as a connection does that has too much in flight.
        const bool pauses = turn % 3 == 0;
        while (const auto message = framing.next()) {
            out.emplace_back(message->begin(), message->end());
            if (pauses) break;
        }
        framing.keep();
    }
    framing.feed({});
    while (const auto message = framing.next()) out.emplace_back(message->begin(), message->end());
    if (out != whole(stream)) std::abort();
    return 0;
}
