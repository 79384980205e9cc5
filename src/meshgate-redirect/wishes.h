#pragma once

#include "conf/kuma/settings.h"
#include "src/meshgate-redirect/invocation.h"

namespace meshgate::redirect {

/// What a command line asks for: defaults < files < environment (KUMA_TRANSPARENT_PROXY_...) <
/// flags.
/// @throws conf::Error, UsageError; conf::Error too when they contradict each other.
conf::kuma::Wishes wishes_of(const Invocation& invocation);

/// Who asked said what should be there, by files, flags or the environment.
bool is_told(const Invocation& invocation);

/// The one warning about what means nothing here; empty when all means something.
std::string ignored_warning(const conf::kuma::Wishes& wishes);

}  // namespace meshgate::redirect
