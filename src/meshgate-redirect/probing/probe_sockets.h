#pragma once

#include "conf/address.h"
#include "conf/ranges.h"
#include "src/common/unique_fd.h"
#include "src/meshgate-redirect/kernel_address.h"

#include <optional>

namespace meshgate::redirect {

/// A socket of the kind, not blocking, that belongs to `user` as skuid sees it, though this process
/// is somebody else: what counts is as whom it is created (fsuid). One of IPv6 takes no IPv4.
/// @param group  as skgid sees it; unset: the one of the same number
/// @throws std::system_error, also when nobody can be that user here
UniqueFd socket_of(conf::Uid user, conf::Family family, conf::Protocol protocol,
                   std::optional<conf::Gid> group = {});

/// Binds to `at` and, of TCP, listens. @return 0 or errno: somebody else may be there.
int listen_at(const UniqueFd& socket, KernelAddress at, conf::Protocol protocol);

KernelAddress local_address(const UniqueFd& socket);

}  // namespace meshgate::redirect
