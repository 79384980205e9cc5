// The admin endpoint's request head and the client's response, from any bytes.
#include "src/daemon/http.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

using namespace meshgate::daemon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto parsed = http::parse_request(bytes);
    if (const auto* request = std::get_if<http::Request>(&parsed)) {
        if (request->path.find('?') != std::string::npos) std::abort();
    }
    // A connection stops reading at this size: by then there has to be a verdict.
    if (size >= http::head_bytes_max && std::holds_alternative<http::Incomplete>(parsed)) {
        std::abort();
    }
    try {
        const http::Response response = http::parse_response(bytes);
        if (response.status > 999) std::abort();  // three digits
    } catch (const std::runtime_error&) {
        // Not a response.
    }
    return 0;
}
