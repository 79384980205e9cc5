#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::redirect {

enum class Severity : std::uint8_t {
    error,    ///< something does not work, or somebody is locked out
    warning,  ///< it works, and will not always
    notice,   ///< worth knowing
};

/// What `doctor` can find: the code and its words never change their meaning from one version to
/// the next. 1xx are about our own rules, 2xx about those of others, 3xx conntrack, 4xx who
/// listens, 5xx users, 6xx settings of the kernel, 7xx lock-outs, 8xx probes.
struct Entry {
    std::string_view code;  ///< "MG401"
    Severity severity = Severity::error;
    std::string_view title;    ///< what is so
    std::string_view meaning;  ///< what follows from it
    std::string_view action;   ///< what to do
};

std::span<const Entry> catalogue();

/// Something that was found.
struct Finding {
    const Entry* entry = nullptr;
    Severity severity = Severity::error;  ///< of this case; mostly the entry's
    std::vector<std::string> details;     ///< which port, which process: a line each
};

/// @param code  of the catalogue. @throws std::out_of_range for another one.
Finding finding(std::string_view code, std::vector<std::string> details,
                std::optional<Severity> severity = std::nullopt);

std::string_view word(Severity severity) noexcept;  ///< "error"

}  // namespace meshgate::redirect
