// What an endpoint says to a check, from any bytes in any pieces.
#include "src/health/http_answer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace meshgate;
using health::HttpAnswer;

namespace {

HttpAnswer::Verdict tell(const conf::HealthCheck& check, std::string_view bytes, std::size_t piece) {
    HttpAnswer answer{check};
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const auto verdict = answer.take(bytes.substr(at, piece));
        if (verdict != HttpAnswer::Verdict::more) return verdict;
    }
    const auto verdict = answer.end();
    if (verdict == HttpAnswer::Verdict::more) std::abort();
    if (verdict == HttpAnswer::Verdict::bad && answer.reason().empty()) std::abort();
    return verdict;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    conf::HealthCheck check;
    check.kind = conf::CheckKind::http;
    if ((data[0] & 1U) != 0) check.body = "fine";
    if ((data[0] & 2U) != 0) check.status = {200, 204};
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 2, size - 2};
    // The pieces change nothing, as long as the head is short.
    const auto whole = tell(check, bytes, std::max<std::size_t>(bytes.size(), 1));
    const auto cut = tell(check, bytes, std::max<std::size_t>(data[1], 1));
    if (bytes.size() < 1000 && whole != cut) std::abort();
    return 0;
}
