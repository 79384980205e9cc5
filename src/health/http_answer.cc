#include "src/health/http_answer.h"

// Asio before Beast: the wrapper knows the include order that g++ 12 needs.
#include "src/common/asio.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace meshgate::health {
namespace {

namespace beast = boost::beast::http;

constexpr const char* no_text = "HTTP body without the wanted text";

bool is_interim(unsigned status) noexcept {
    return status >= 100 && status < 200;
}

}  // namespace

std::string http_request(std::string_view path, std::string_view host) {
    std::string text{"GET "};
    text.append(path).append(" HTTP/1.1\r\nHost: ").append(host);
    return text + "\r\nUser-Agent: meshgate\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

HttpAnswer::Verdict HttpAnswer::bad(std::string why) {
    reason_ = std::move(why);
    return Verdict::bad;
}

HttpAnswer::Verdict HttpAnswer::on_status(unsigned status) {
    const auto& wanted = check_.status;
    const bool good = wanted.empty() ? status >= 200 && status < 400
                                     : std::ranges::find(wanted, status) != wanted.end();
    if (!good) return bad("HTTP status " + std::to_string(status));
    return check_.body.empty() ? Verdict::good : Verdict::more;
}

/// From its beginning each time: it comes in one piece as a rule.
HttpAnswer::Verdict HttpAnswer::read_head() {
    for (;;) {
        beast::response_parser<beast::empty_body> parser;
        parser.header_limit(head_bytes_max);
        // The body is not Beast's to read. (No limit at all is 0 in Boost 1.74.)
        parser.body_limit(std::numeric_limits<std::uint64_t>::max());
        parser.skip(true);
        boost::beast::error_code error;
        const auto used = parser.put(asio::buffer(head_), error);
        if (error && error != beast::error::need_more) return bad("no HTTP: " + error.message());
        if (!parser.is_header_done()) {
            if (head_bytes_ <= head_bytes_max) return Verdict::more;
            return bad("no HTTP: a head that is too long");
        }
        const auto rest = std::exchange(head_, {}).substr(used);
        const unsigned status = parser.get().result_int();
        if (is_interim(status)) {  // says nothing yet (RFC 9110 section 15.2)
            head_ = rest;
            continue;
        }
        const auto length = parser.content_length();
        body_.emplace(parser.chunked(), length ? std::optional{*length} : std::nullopt);
        const auto verdict = on_status(status);
        return verdict == Verdict::more ? read_body(rest) : verdict;
    }
}

HttpAnswer::Verdict HttpAnswer::read_body(std::string_view bytes) {
    for (auto part = body_->next(bytes); !part.empty(); part = body_->next(bytes)) {
        const auto verdict = look_at(part);
        if (verdict != Verdict::more) return verdict;
    }
    if (body_->is_malformed()) return bad("no HTTP: a malformed chunk");
    return body_->is_done() ? bad(no_text) : Verdict::more;
}

HttpAnswer::Verdict HttpAnswer::look_at(std::string_view part) {
    part = part.substr(0, body_bytes_max - body_bytes_);
    body_bytes_ += part.size();
    seen_.append(part);
    if (seen_.find(check_.body) != std::string::npos) return Verdict::good;
    if (body_bytes_ == body_bytes_max) return bad(no_text);
    const auto overlap = check_.body.size() - 1;
    if (seen_.size() > overlap) seen_.erase(0, seen_.size() - overlap);
    return Verdict::more;
}

HttpAnswer::Verdict HttpAnswer::take(std::string_view bytes) {
    if (body_) return read_body(bytes);
    head_bytes_ += bytes.size();
    head_.append(bytes);
    return read_head();
}

HttpAnswer::Verdict HttpAnswer::end() {
    return bad(body_ ? no_text : "the connection ended before an HTTP answer");
}

}  // namespace meshgate::health
