// What an upstream sends, as a TCP stream in pieces that the first byte chooses: the messages are
// those of the stream read in one go, and only a message with the id and the question of a query
// that waits ends it. The queries that wait are made from the input, so that some match.
#include "dns/forward/pending.h"
#include "dns/forward/reply_stream.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

using namespace meshgate::dns::forward;
using Bytes = std::vector<std::uint8_t>;

const Bytes question{1, 'a', 2, 'B', 'c', 0, 0, 1, 0, 1};

struct Queries final : ExchangeEvents {
    Queries() {
        for (std::uint32_t i = 0; i < messages.size(); ++i) {
            messages[i] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
            messages[i].insert(messages[i].end(), question.begin(), question.end());
        }
    }
    std::span<std::uint8_t> message_of(QueryRef query) noexcept override {
        if (query.slot >= messages.size()) return {};
        return messages[query.slot];
    }
    void on_exchange_reply(Server&, QueryRef, Transport,
                           std::span<std::uint8_t>) noexcept override {}
    void on_exchange_error(Server&, QueryRef, Transport) noexcept override {}
    void on_ignored_reply() noexcept override {}

    std::array<Bytes, 4> messages;
};

/// Said again in other words than the library's.
bool answers(const Bytes& reply, std::uint16_t id) {
    if (reply.size() < 12 || (reply[0] << 8 | reply[1]) != id) return false;
    if (reply[2] < 0x80 || (reply[2] & 0x78) != 0) return false;
    const int questions = reply[4] << 8 | reply[5];
    const int rcode = reply[3] & 15;
    if (questions == 0) return rcode == 1 || rcode == 2 || rcode == 4 || rcode == 5;
    return questions == 1 && reply.size() >= 12 + question.size() &&
           std::equal(question.begin(), question.end(), reply.begin() + 12);
}

std::vector<Bytes> whole(std::span<const std::uint8_t> stream) {
    std::vector<Bytes> out;
    while (stream.size() >= 2) {
        const std::size_t size = std::size_t{stream[0]} << 8 | stream[1];
        if (stream.size() < 2 + size) break;
        const auto message = stream.subspan(2, size);
        out.emplace_back(message.begin(), message.end());
        stream = stream.subspan(2 + size);
    }
    return out;
}

std::vector<Bytes> in_pieces(std::span<const std::uint8_t> stream, std::uint8_t seed) {
    std::vector<Bytes> out;
    ReplyStream replies;
    for (unsigned turn = seed; !stream.empty(); turn = turn * 75 + 74) {
        const auto space = replies.space();
        if (space.empty()) std::abort();
        const std::size_t piece =
            std::min({std::size_t{1} + turn % 61, stream.size(), space.size()});
        std::copy_n(stream.begin(), piece, space.begin());
        replies.received(piece);
        stream = stream.subspan(piece);
        while (const auto message = replies.next())
            out.emplace_back(message->begin(), message->end());
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::span stream{data + 1, size - 1};
    const auto messages = in_pieces(stream, data[0]);
    if (messages != whole(stream)) std::abort();

    Queries queries;
    Pending pending;
    for (std::uint32_t i = 0; i < 4; ++i) {
        pending.add({static_cast<std::uint16_t>(0x4100 + i), {i, 0}});
    }
    pending.detach({3, 0});  // given up: its id alone is waited for
    std::array<bool, 4> waiting{true, true, true, true};
    for (const Bytes& message : messages) {
        const auto taken = pending.take(message, queries);
        std::size_t expected = 4;
        for (std::uint16_t i = 0; i < 3; ++i) {
            if (waiting[i] && answers(message, static_cast<std::uint16_t>(0x4100 + i)))
                expected = i;
        }
        if (waiting[3] && message.size() >= 12 && message[0] == 0x41 && message[1] == 3)
            expected = 3;
        if (taken.has_value() != (expected < 4)) std::abort();
        if (!taken) continue;
        if (taken->id != 0x4100 + expected) std::abort();
        waiting[expected] = false;
    }
    return 0;
}
