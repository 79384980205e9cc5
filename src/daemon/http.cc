#include "src/daemon/http.h"

// Asio before Beast: the wrapper knows the include order that g++ 12 needs.
#include "src/common/asio.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <stdexcept>

namespace meshgate::daemon::http {
namespace {

namespace beast = boost::beast::http;

std::string reason(unsigned status) {
    return std::string{beast::obsolete_reason(beast::int_to_status(status))};
}

}  // namespace

Parsed parse_request(std::string_view bytes) {
    beast::request_parser<beast::empty_body> parser;
    parser.header_limit(head_bytes_max);
    parser.skip(true);
    boost::beast::error_code error;
    parser.put(asio::buffer(bytes.data(), bytes.size()), error);
    if (error == beast::error::header_limit) return BadRequest{431};
    if (error == beast::error::need_more || (!error && !parser.is_header_done())) {
        if (bytes.size() >= head_bytes_max) return BadRequest{431};
        return Incomplete{};
    }
    if (error) return BadRequest{400};
    const auto& message = parser.get();
    Request request;
    request.method = message.method() == beast::verb::get    ? Method::get
                     : message.method() == beast::verb::head ? Method::head
                     : message.method() == beast::verb::post ? Method::post
                                                             : Method::other;
    const std::string_view target{message.target().data(), message.target().size()};
    request.path = target.substr(0, target.find('?'));
    return request;
}

std::string serialize(const Response& response, Method method) {
    std::string out = "HTTP/1.1 " + std::to_string(response.status) + " " +
                      reason(response.status) +
                      "\r\nServer: meshgate\r\nContent-Type: " + response.content_type +
                      "\r\nContent-Length: " + std::to_string(response.body.size()) +
                      "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    if (response.status == 405) out += "Allow: " + response.allow + "\r\n";
    out += "Connection: close\r\n\r\n";
    if (method != Method::head) out += response.body;
    return out;
}

Response parse_response(std::string_view bytes) {
    const auto refuse = [](const std::string& why) {
        throw std::runtime_error("the admin endpoint's answer is no HTTP: " + why);
    };
    // The head alone: Beast's body reader would allocate what Content-Length says before it has
    // seen any of it.
    beast::response_parser<beast::empty_body> parser;
    parser.header_limit(head_bytes_max);
    parser.skip(true);
    boost::beast::error_code error;
    bytes.remove_prefix(parser.put(asio::buffer(bytes.data(), bytes.size()), error));
    if (error) refuse(error.message());
    if (!parser.is_header_done()) refuse("it ends in the middle");
    const auto& head = parser.get();
    if (parser.chunked()) refuse("we never send it in chunks");
    const auto length = parser.content_length();
    if (length && *length > bytes.size()) refuse("it ends in the middle");
    const auto type = head[beast::field::content_type];
    return {head.result_int(),
            std::string{type.data(), type.size()},
            std::string{bytes.substr(0, length ? *length : bytes.npos)},
            {}};
}

}  // namespace meshgate::daemon::http
