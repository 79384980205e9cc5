#include "dns/feed/response_reader.h"

// Asio before Beast: the wrapper knows the include order that g++ 12 needs.
#include "src/common/asio.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <stdexcept>

namespace meshgate::dns::feed {
namespace {

namespace http = boost::beast::http;

[[noreturn]] void refuse(const std::string& why) {
    throw std::runtime_error("the response is no HTTP: " + why);
}

bool is_visible_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

struct ResponseReader::State {
    http::response_parser<http::string_body> parser;
    std::string waiting;  ///< bytes of a line that is not whole yet
};

ResponseReader::ResponseReader() : state_(std::make_unique<State>()) {
    state_->parser.header_limit(head_bytes_max);
    state_->parser.body_limit(body_bytes_max);
    state_->parser.eager(true);
}

ResponseReader::~ResponseReader() = default;

bool ResponseReader::put(std::string_view bytes) {
    State& state = *state_;
    state.waiting += bytes;
    while (!state.parser.is_done() && !state.waiting.empty()) {
        boost::beast::error_code error;
        const asio::const_buffer rest{state.waiting.data(), state.waiting.size()};
        const std::size_t used = state.parser.put(rest, error);
        state.waiting.erase(0, used);
        if (error == http::error::need_more) {
            if (state.waiting.size() >= head_bytes_max) refuse("a head that is too large");
            return false;
        }
        if (error) refuse(error.message());
    }
    return state.parser.is_done();
}

void ResponseReader::end() {
    if (state_->parser.is_done()) return;
    boost::beast::error_code error;
    if (state_->parser.is_header_done()) state_->parser.put_eof(error);
    if (error || !state_->parser.is_done()) refuse("it ends in the middle");
}

HttpResponse ResponseReader::take() {
    auto message = state_->parser.release();
    const auto etag = message[http::field::etag];
    HttpResponse response;
    response.status = message.result_int();
    const std::string_view tag{etag.data(), etag.size()};
    if (tag.size() <= etag_bytes_max && is_visible_ascii(tag)) response.etag = tag;
    response.body = std::move(message.body());
    return response;
}

}  // namespace meshgate::dns::feed
