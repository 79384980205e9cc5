#include "src/meshgate-redirect/setup.h"
#include "src/meshgate-redirect/verbs.h"

namespace meshgate::redirect {

ExitCode check(const Invocation& invocation) {
    [[maybe_unused]] const auto setup = make_setup(invocation);
    return ExitCode::done;
}

}  // namespace meshgate::redirect
