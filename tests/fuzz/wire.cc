// Any bytes as a query and as a reply: what is written of them is a message within its bounds.
#include "dns/wire/options.h"
#include "dns/wire/reply.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace meshgate::dns::wire;

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

/// What is sent must be readable as the answer to what came: the same id, QR set, the question
/// kept.
void check_answer(std::span<const std::uint8_t> query, std::span<const std::uint8_t> answer) {
    check(answer.size() >= header_bytes && answer.size() <= 512);
    check(answer[0] == query[0] && answer[1] == query[1] && (answer[2] & 0x80) != 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> message{data, size};
    Question question;
    std::array<std::uint8_t, 512> out;
    const Parsed parsed = parse_question(message, question);
    if (parsed != Parsed::drop) {
        for (const Rcode rcode : {Rcode::servfail, Rcode::badvers}) {
            const auto bytes = write_error(question, rcode, Ede::network_error, out);
            check_answer(message, std::span{out}.first(bytes));
        }
        check(udp_limit(question, 1232) >= 512 && udp_limit(question, 1232) <= 1232);
    }
    if (parsed == Parsed::question) {
        check(question.end() <= size && question.qname_bytes <= name_bytes_max);
        if (question.edns)
            check(question.edns->options_offset + question.edns->options_bytes <= size);
        if (question.edns) {
            std::vector<std::uint8_t> ours(message.begin(), message.end());
            make_opt_ours(ours, *question.edns);
            Question again;
            check(ours.size() <= size && parse_question(ours, again) == Parsed::question);
        }
        const auto bytes = write_error(question, Rcode::servfail, Ede::none, out);
        check(matches(std::span{out}.first(bytes), message));
        // The same bytes as the reply to another client's query.
        const auto relayed = write_relayed(message, question, ReplyOptions::pass, 512, out);
        check_answer(message, std::span{out}.first(relayed));
    }
    const auto bytes = write_truncated(message, out);
    check(bytes == 0 || (bytes <= 512 && is_truncated(std::span{out}.first(bytes))));
    static_cast<void>(matches(message, message));
    return 0;
}
