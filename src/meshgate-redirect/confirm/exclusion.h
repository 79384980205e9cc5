#pragma once

#include "netfilter/ruleset/ruleset.h"

/// Who installs from far away must not lock himself out before he could say that all is well.
namespace meshgate::redirect {

/// With `port` of this machine left out of what is captured as it comes in, by rules that
/// without_spared_port() finds again. Unchanged where nothing of that port is captured anyway.
netfilter::Ruleset with_spared_port(netfilter::Ruleset ruleset, conf::Port port);

/// The ruleset as it was planned. It may be one that an engine has read back.
netfilter::Ruleset without_spared_port(netfilter::Ruleset ruleset);

}  // namespace meshgate::redirect
