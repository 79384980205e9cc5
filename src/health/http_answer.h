#pragma once

#include "conf/health_check.h"
#include "src/health/http_body.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace meshgate::health {

/// The request of a check: GET over HTTP/1.1, one for a connection.
/// @param host  the field Host
std::string http_request(std::string_view path, std::string_view host);

/// What an endpoint says to it, as the bytes come.
class HttpAnswer {
public:
    static constexpr std::size_t head_bytes_max = 16384;  ///< that of interim answers with it
    static constexpr std::size_t body_bytes_max = 65536;  ///< more of it is not looked at

    enum class Verdict : unsigned char { more, good, bad };

    /// @param check  outlives this
    explicit HttpAnswer(const conf::HealthCheck& check) : check_(check) {}

    /// @return more until it is known. Nothing is to follow then.
    Verdict take(std::string_view bytes);
    /// The connection is at its end. @return never more
    Verdict end();

    /// Why it is bad, for a person.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

private:
    Verdict bad(std::string why);
    Verdict read_head();
    Verdict on_status(unsigned status);
    Verdict read_body(std::string_view bytes);
    Verdict look_at(std::string_view part);

    const conf::HealthCheck& check_;
    std::string head_;  ///< what came of it
    std::size_t head_bytes_ = 0;
    std::optional<HttpBody> body_;  ///< once the head is whole
    std::string seen_;  ///< the last of the body: the wanted text may begin there
    std::size_t body_bytes_ = 0;
    std::string reason_;
};

}  // namespace meshgate::health
