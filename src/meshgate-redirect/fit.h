#pragma once

#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/setup.h"

namespace meshgate::redirect {

/// Plans anew with what an earlier install found out of this machine and what cannot be seen, or is
/// not asked, now: so that what is installed is no other plan for it.
/// - The users of resolvers that do not run at the moment: they are spared as before, for they will
///   ask again.
/// - That the kernel has no conntrack zones: it is tried where what is installed has none.
/// - Which endpoints of VIPs are alive (netfilter/plan/vips.h), unless all are to be used.
enum class Endpoints : unsigned char { alive, all };
void fit_to_installed(Setup& setup, Capture& capture, Endpoints endpoints = Endpoints::alive);

/// The first of these alone. @return true when there is something to keep.
bool keep_resolver_users(netfilter::Host& host, const netfilter::Ruleset& installed);

}  // namespace meshgate::redirect
