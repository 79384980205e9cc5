#pragma once

#include "conf/config.h"
#include "src/meshgate-redirect/confirm/pending.h"

namespace meshgate::redirect {

/// The life of the watcher, in a process of its own (Arming makes it). `installer` is the end of a
/// socket pair: it is told there when it is armed.
[[noreturn]] void watch_and_exit(const conf::Redirect& wanted, const Pending& pending,
                                 int installer) noexcept;

}  // namespace meshgate::redirect
