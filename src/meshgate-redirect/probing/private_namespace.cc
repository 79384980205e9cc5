#include "src/meshgate-redirect/probing/private_namespace.h"

#include "src/common/errors.h"
#include "src/common/log.h"

#include <fcntl.h>
#include <sched.h>

#include <cstdlib>

namespace meshgate::redirect {
namespace {

UniqueFd current() {
    UniqueFd fd{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!fd) throw_errno("/proc/thread-self/ns/net");
    return fd;
}

/// A process that does not know where it is must not go on: it would change the wrong rules.
void come_back(int fd) noexcept {
    if (::setns(fd, CLONE_NEWNET) == 0) return;
    log::error("setns: the network namespace of this machine cannot be entered again");
    std::abort();
}

}  // namespace

PrivateNamespace::PrivateNamespace() : here_(current()) {
    if (::unshare(CLONE_NEWNET) != 0) {
        throw_errno("a network namespace for the probes (CAP_SYS_ADMIN, which the units do not give)");
    }
    try {
        there_ = current();
    } catch (...) {
        come_back(here_.get());
        throw;
    }
    come_back(here_.get());
}

PrivateNamespace::Stay::Stay(const PrivateNamespace& space) : space_(space) {
    if (::setns(space_.there_.get(), CLONE_NEWNET) != 0) throw_errno("setns");
}

PrivateNamespace::Stay::~Stay() {
    come_back(space_.here_.get());
}

}  // namespace meshgate::redirect
