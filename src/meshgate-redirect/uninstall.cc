#include "src/common/log.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/verbs.h"

namespace meshgate::redirect {

// The configuration is not even read: the user may be gone, the file changed.
ExitCode uninstall(const Invocation&) {
    Capture capture;
    if (capture.is_foreign()) {
        capture.surroundings().remove();
        log::error("the table inet meshgate was not made by meshgate-redirect and is left alone");
        return ExitCode::failed;
    }
    log::info(capture.remove() ? "uninstalled" : "nothing is installed");
    return ExitCode::done;
}

}  // namespace meshgate::redirect
