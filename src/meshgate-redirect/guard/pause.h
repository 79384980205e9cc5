#pragma once

#include "src/common/unique_fd.h"
#include "src/meshgate-redirect/guard/orders.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How the other verbs get along with a guard that runs: it holds the rules, so they ask it to let
/// go of them, do their work, and tell it what is meant to be there now. At an abstract unix socket
/// of the network namespace, found in /proc/self/net/unix; only the privileged are heard.
namespace meshgate::redirect {

inline constexpr std::string_view guard_socket_start = "meshgate-redirect/guard/";

namespace words {
inline constexpr std::string_view let_go = "let go ";  ///< and who asks; answered by `go`
inline constexpr std::string_view go = "go";
inline constexpr std::string_view over = "over";  ///< after what came of it; answered by `held`
inline constexpr std::string_view held = "held";
}  // namespace words

/// What came of a pause.
struct PauseOutcome {
    enum class What : unsigned char {
        broken_off,
        installed,
        to_confirm,
        confirmed,
        put_back,
        uninstalled
    };
    What what = What::broken_off;
    std::optional<Orders> orders;  ///< of an install; none: they cannot be asked for again

    friend bool operator==(const PauseOutcome&, const PauseOutcome&) = default;
};
std::vector<std::string> to_lines(const PauseOutcome& outcome);
/// Broken off for anything that is none.
PauseOutcome parse_outcome(const std::vector<std::string>& lines);

/// The name of a guard's socket here; none when no guard runs.
std::optional<std::string> find_guard();

/// Who answers there; 0 when it is of another pid namespace, or not there any more.
int process_of_guard(const std::string& socket);

/// While it lives, the guard, if there is one, holds nothing and repairs nothing. When it ends
/// without end(), the guard brings back what it guards.
class GuardPause {
public:
    /// Waits for its turn.
    /// @throws std::runtime_error when the guard does not let go within 30 s
    explicit GuardPause(std::string_view verb);

    [[nodiscard]] bool has_guard() const noexcept { return static_cast<bool>(guard_); }
    /// Waits until the guard holds what is there now.
    void end(const PauseOutcome& outcome);

private:
    UniqueFd guard_;
};

}  // namespace meshgate::redirect
