#include "src/meshgate-redirect/confirm/watcher.h"

#include "src/common/errors.h"
#include "src/meshgate-redirect/confirm/watch.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace meshgate::redirect {
namespace {

/// It reads what is there, through iptables' programs too.
constexpr std::chrono::seconds arming_patience{60};

std::string new_id() {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, 8> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        throw_errno("getrandom");
    }
    std::string id;
    for (const auto byte : bytes) {
        id += digits[byte >> 4];
        id += digits[byte & 15];
    }
    return id;
}

struct Ends {
    UniqueFd ours, watchers;
};

/// Ours is inherited by the programs that we run: as long as one of them changes rules, this end is
/// not closed, whether we live or not.
Ends make_ends() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) != 0) throw_errno("socketpair");
    Ends ends{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
    ::fcntl(ends.watchers.get(), F_SETFD, FD_CLOEXEC);
    return ends;
}

/// The child of a child of a session leader: of no terminal, and nobody's to wait for.
template <class Run>
void run_detached(Run run) {
    const pid_t child = ::fork();
    if (child < 0) throw_errno("fork");
    if (child == 0) {
        ::setsid();
        const pid_t grandchild = ::fork();
        if (grandchild == 0) run();
        ::_exit(grandchild < 0 ? 1 : 0);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) throw std::runtime_error("--confirm: no process for it");
}

}  // namespace

Arming::Arming(const conf::Redirect& wanted, std::chrono::seconds time,
               std::optional<conf::Port> spared)
    : pending_{.id = new_id(),
               .until = boot_time() + time,
               .spared = spared} {
    Ends ends = make_ends();
    run_detached([&] { watch_and_exit(wanted, pending_, ends.watchers.get()); });
    ends.watchers.reset();
    watcher_ = std::move(ends.ours);
    const auto answer = read_line(watcher_.get(), arming_patience);
    if (answer != words::armed) {
        throw std::runtime_error("--confirm: " + (answer.empty() ? "no answer" : answer) +
                                 "; nothing was changed");
    }
}

void Arming::changed() {
    write_line(watcher_.get(), words::changed);
    watcher_.reset();
}

bool Arming::call_off() {
    write_line(watcher_.get(), words::call_off);
    const bool is_back = read_line(watcher_.get(), arming_patience) == words::done;
    watcher_.reset();
    return is_back;
}

}  // namespace meshgate::redirect
