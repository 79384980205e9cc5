#include "namespace.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "src/common/unique_fd.h"

namespace meshgate::netfilter::test {

namespace {

/// Before main: doctest cannot skip a whole executable, and Meson reads exit status 77 as
/// "skipped". Whatever the tests do, they do it away from the namespace of the machine.
const bool away_from_the_host = [] {
    if (::unshare(CLONE_NEWNET) == 0) return true;
    std::printf("SKIP: no new network namespace: %s\n", std::strerror(errno));
    std::fflush(stdout);
    std::_Exit(77);
}();

}  // namespace

void enter_fresh_namespace() {
    if (!away_from_the_host || ::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("unshare");
    const UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) throw std::runtime_error("lo up");
}

std::string output_of(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "re");
    if (pipe == nullptr) throw std::runtime_error("popen");
    std::string output;
    char buffer[4096];
    while (const auto length = std::fread(buffer, 1, sizeof buffer, pipe)) {
        output.append(buffer, length);
    }
    const int status = ::pclose(pipe);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw std::runtime_error("command failed: " + command);
    }
    return output;
}

}  // namespace meshgate::netfilter::test
