#include "src/health/http_body.h"

#include <algorithm>

namespace meshgate::health {
namespace {

constexpr unsigned digits_max = 15;  // fits in 64 bits

/// @return 16 for another character
unsigned hex_digit(char byte) noexcept {
    if (byte >= '0' && byte <= '9') return static_cast<unsigned>(byte - '0');
    const char low = static_cast<char>(byte | 0x20);
    return low >= 'a' && low <= 'f' ? static_cast<unsigned>(low - 'a') + 10 : 16;
}

}  // namespace

std::string_view HttpBody::next(std::string_view& bytes) noexcept {
    while (!bytes.empty() && !is_done() && !is_malformed()) {
        if (state_ != State::data) {
            read_framing(bytes.front());
            bytes.remove_prefix(1);
            continue;
        }
        const auto part = bytes.substr(0, left_ ? std::min<std::uint64_t>(*left_, bytes.size())
                                                : bytes.size());
        bytes.remove_prefix(part.size());
        if (left_) *left_ -= part.size();
        if (chunked_ && left_ == 0) state_ = State::data_end;
        return part;
    }
    return {};
}

void HttpBody::read_framing(char byte) noexcept {
    if (state_ == State::size) return read_size(byte);
    if (byte == '\n') {
        if (state_ == State::extension) return begin_data();
        state_ = State::size;
        digits_ = 0;
        size_ = 0;
        return;
    }
    if (state_ == State::data_end && byte != '\r') state_ = State::malformed;
}

void HttpBody::read_size(char byte) noexcept {
    const unsigned digit = hex_digit(byte);
    if (digit < 16 && digits_ < digits_max) {
        size_ = size_ << 4U | digit;
        ++digits_;
        return;
    }
    if (digits_ == 0 || digit < 16) {
        state_ = State::malformed;
    } else if (byte == '\n') {
        begin_data();
    } else if (byte == '\r' || byte == ';' || byte == ' ' || byte == '\t') {
        state_ = State::extension;
    } else {
        state_ = State::malformed;
    }
}

/// After the line with its size. What follows the last chunk, of no bytes, says nothing of the body.
void HttpBody::begin_data() noexcept {
    left_ = size_;
    state_ = size_ == 0 ? State::done : State::data;
}

}  // namespace meshgate::health
