#pragma once

#include "dns/server/access_list.h"
#include "dns/server/udp_path.h"

#include <memory>

namespace meshgate::dns::server {

/// Who is answered at all: asked before a byte of a query is looked at, and not for what never left
/// this machine. One for a worker.
class Admission {
public:
    /// Shared because all workers go by the same list. Without any, nobody from outside may ask.
    void set_access(std::shared_ptr<const AccessList> access) noexcept {
        access_ = std::move(access);
    }

    [[nodiscard]] bool may_ask(const Peer& client) const noexcept {
        return access_ != nullptr && access_->allows(client);
    }

private:
    std::shared_ptr<const AccessList> access_;
};

}  // namespace meshgate::dns::server
