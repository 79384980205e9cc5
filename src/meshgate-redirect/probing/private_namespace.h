#pragma once

#include "src/common/unique_fd.h"

namespace meshgate::redirect {

/// A network namespace without a name, which is gone when this object and the sockets made in it
/// are: the kernel takes it down even after SIGKILL. Takes CAP_SYS_ADMIN.
class PrivateNamespace {
public:
    PrivateNamespace();  ///< @throws std::system_error

    [[nodiscard]] int descriptor() const noexcept { return there_.get(); }

    /// Runs `act` with the calling thread in there; what it makes (sockets) belongs there.
    template <class Act>
    auto inside(Act act) {
        const Stay stay{*this};
        return act();
    }

private:
    class Stay {
    public:
        explicit Stay(const PrivateNamespace& space);
        Stay(const Stay&) = delete;
        Stay& operator=(const Stay&) = delete;
        ~Stay();

    private:
        const PrivateNamespace& space_;
    };

    UniqueFd here_, there_;
};

}  // namespace meshgate::redirect
