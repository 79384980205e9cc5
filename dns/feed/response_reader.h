#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace meshgate::dns::feed {

inline constexpr std::size_t head_bytes_max = 8192;  ///< status line and fields together
inline constexpr std::size_t body_bytes_max = std::size_t{128} << 20;
inline constexpr std::size_t etag_bytes_max = 256;  ///< a longer one is taken for none

struct HttpResponse {
    unsigned status = 0;
    std::string etag;  ///< as sent, with its quotes; empty: none
    std::string body;  ///< chunks joined
};

/// An HTTP/1.x response from the bytes as they come, by Boost.Beast's parser. Bounded: a head, a
/// body or a line between two chunks that is too large is an error.
class ResponseReader {
public:
    ResponseReader();
    ~ResponseReader();
    ResponseReader(const ResponseReader&) = delete;
    ResponseReader& operator=(const ResponseReader&) = delete;

    /// True when the response is whole; bytes after it are passed over.
    /// @throws std::runtime_error for what is none.
    bool put(std::string_view bytes);

    /// The connection ends here. @throws std::runtime_error when the response does not.
    void end();

    /// Once, of a whole response.
    HttpResponse take();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace meshgate::dns::feed
