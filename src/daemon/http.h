#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

/// The little HTTP/1.1 the admin endpoint speaks: one request a connection. Bytes to requests and
/// back, by Boost.Beast's parser (part of libboost-dev, as Asio is; 1.5 CPU s of compile time in
/// this one file), which has seen more hostile input than ours would have.
namespace meshgate::daemon::http {

inline constexpr std::size_t head_bytes_max = 8192;  ///< request line and fields together

enum class Method : unsigned char { get, head, post, other };

struct Request {
    Method method = Method::get;
    std::string path;       ///< without "?..."
    bool is_local = false;  ///< over the unix socket, which has an owner; whoever accepts sets it
};

/// Why there is no request: 400 for what is not HTTP, 431 for a head that is too large.
struct BadRequest {
    unsigned status = 400;
};

struct Incomplete {};  ///< more bytes are needed

using Parsed = std::variant<Incomplete, BadRequest, Request>;

/// Reads the head of a request from all bytes received so far. A body is not looked at.
Parsed parse_request(std::string_view bytes);

struct Response {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::string allow = "GET, HEAD";  ///< what a 405 says
};

/// What takes the response to a request.
using Reply = std::function<void(const Response&)>;

/// The bytes of a response, with "Connection: close"; to HEAD the head alone, its Content-Length
/// that of GET (RFC 9110 section 9.3.2).
std::string serialize(const Response& response, Method method);

/// A whole response, up to the end of the connection. @throws std::runtime_error for bytes that are
/// none.
Response parse_response(std::string_view bytes);

}  // namespace meshgate::daemon::http
