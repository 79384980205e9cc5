#include "src/vips/state_lock.h"

#include "src/common/errors.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace meshgate {
namespace {

/// One that another user made is locked all the same; it says nothing of us then.
UniqueFd open_lock(const std::string& file) {
    constexpr int flags = O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    UniqueFd fd{::open(file.c_str(), O_RDWR | flags, 0644)};
    if (!fd && errno == EACCES) fd = UniqueFd{::open(file.c_str(), O_RDONLY | flags, 0644)};
    if (!fd) throw_errno(file);
    // Whatever the umask of who made it: the other program may run as another user.
    [[maybe_unused]] const int readable = ::fchmod(fd.get(), 0644);
    return fd;
}

/// "process 123", from what its holder wrote.
std::string holder(int fd) {
    std::array<char, 16> digits{};
    const ssize_t bytes = ::pread(fd, digits.data(), digits.size(), 0);
    const auto end = std::find_if(digits.begin(), digits.begin() + std::max<ssize_t>(bytes, 0),
                                  [](unsigned char c) { return std::isdigit(c) == 0; });
    const std::string pid{digits.begin(), end};
    return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

StateLock::StateLock(std::string state_file)
    : state_file_(std::move(state_file)), fd_(open_lock(state_file_ + ".lock")) {
    const std::string file = state_file_ + ".lock";
    while (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) throw_errno(file);
        throw std::runtime_error(state_file_ + " is kept by " + holder(fd_.get()));
    }
    // For people; the lock itself is the kernel's.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd_.get(), 0) != 0) return;
    [[maybe_unused]] const auto written = ::pwrite(fd_.get(), pid.data(), pid.size(), 0);
}

}  // namespace meshgate
