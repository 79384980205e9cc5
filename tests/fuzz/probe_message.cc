// What comes to a listener of a probe may be anybody's: reading it stays within its bytes, what is
// taken for a probe's is answered by no more than it was, and no answer is taken for a question.

#include "src/meshgate-redirect/probing/probe_messages.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace meshgate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view message{reinterpret_cast<const char*>(data), size};
    for (const auto protocol : {conf::Protocol::tcp, conf::Protocol::udp}) {
        static_cast<void>(redirect::parse_dns_answer(message, protocol));
        if (!redirect::number_of_probe(message, protocol)) continue;
        if (redirect::answer_to(message, protocol).size() > size) std::abort();
    }
    return 0;
}
