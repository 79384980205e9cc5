#include "src/meshgate-redirect/turn.h"

#include "src/common/log.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace meshgate::redirect {
namespace {

constexpr std::chrono::seconds patience{10};
constexpr std::chrono::milliseconds pause{20};

}  // namespace

Turn::Turn() {
    if (depth++ > 0) return;
    namespace_ = UniqueFd{::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!namespace_) return;  // no /proc: nftables takes turns by generations all the same
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (::flock(namespace_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return;
        if (std::chrono::steady_clock::now() >= deadline) {
            log::warning("somebody holds the lock of /proc/self/ns/net: not waited for any longer");
            return;
        }
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace meshgate::redirect
