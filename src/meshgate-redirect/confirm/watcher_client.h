#pragma once

#include "src/common/unique_fd.h"
#include "src/meshgate-redirect/confirm/pending.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The process that puts the previous state back answers at an abstract unix socket, which is of
/// its network namespace: nothing lies in a folder that namespaces share. Who asks finds it in
/// /proc/self/net/unix. One line each way.
namespace meshgate::redirect {

namespace words {
inline constexpr std::string_view status = "status";  ///< answered by pending_word()
inline constexpr std::string_view end = "end";        ///< it is confirmed, or somebody else's now
inline constexpr std::string_view undo = "undo";      ///< the previous state comes back at once
inline constexpr std::string_view done = "done";      ///< the answer to both; else what went wrong
// Between the installer and its watcher.
inline constexpr std::string_view armed = "armed";
inline constexpr std::string_view changed = "changed";
inline constexpr std::string_view call_off = "call off";
}  // namespace words

/// The name without the leading NUL.
std::string watcher_socket(std::string_view id);
/// Listens there. @throws std::system_error
UniqueFd listen_abstract(std::string_view name);
/// Connects to it. None when nobody of our privilege is there.
UniqueFd connect_abstract(std::string_view name);
/// Who is at the other end is root, the user that we are, or has CAP_NET_ADMIN.
bool peer_is_trusted(int fd);

/// Names of listening abstract sockets that begin so, of a table such as /proc/net/unix (proc(5)).
/// Names hold whatever somebody chose; lines that are not understood are passed over.
std::vector<std::string> abstract_names(std::string_view table, std::string_view start);

/// One line, without its newline; empty when there is none within that time.
std::string read_line(int fd, std::chrono::milliseconds patience);
void write_line(int fd, std::string_view line) noexcept;

/// A watcher that lives.
struct Watcher {
    std::string socket;
    Pending pending;
};
std::optional<Watcher> find_watcher();
/// After find_watcher() found none: one is there, and puts the previous state back just now.
bool has_busy_watcher();

/// @return its answer; empty when it is not there any more.
std::string tell(const Watcher& watcher, std::string_view word);

/// Ends every watcher: what is there now is what somebody wants. Said in the turn that brought it
/// about, so that nothing comes back after it; one that is about to put the previous state back
/// waits for that turn, and then for nothing.
class Dismissal {
public:
    Dismissal();
    /// Until they are gone, for a moment; one that waits for the guard goes when it has its turn.
    void wait();

private:
    std::vector<UniqueFd> told_;
};

}  // namespace meshgate::redirect
