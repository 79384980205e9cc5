// Kuma's feed, from any bytes: the first says whether they are a document or a whole response.
#include "dns/feed/kuma_document.h"
#include "dns/feed/response_reader.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

using namespace meshgate::dns;

namespace {

void check_document(std::string json) {
    std::string error;
    const auto document = feed::parse_kuma(json, error);
    if (document.has_value() == !error.empty()) std::abort();
    if (!document) return;
    for (std::size_t i = 0; i < document->hosts->size(); ++i) {
        const auto host = (*document->hosts)[i];
        if (host.name.size() < 2 || host.name.size() > 255 || host.name.back() != 0) std::abort();
        if (host.addresses.size() > feed::addresses_of_name_max) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    if (data[0] == 'j') {
        check_document(std::string{bytes});
        return 0;
    }
    try {
        feed::ResponseReader reader;
        const std::size_t half = bytes.size() / 2;
        bool whole = reader.put(bytes.substr(0, half));
        if (!whole) whole = reader.put(bytes.substr(half));
        if (!whole) reader.end();
        feed::HttpResponse response = reader.take();
        if (response.etag.size() > feed::etag_bytes_max) std::abort();
        check_document(std::move(response.body));
    } catch (const std::runtime_error&) {
        // Not a response.
    }
    return 0;
}
