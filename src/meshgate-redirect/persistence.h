#pragma once

#include "netfilter/iptables/other_captures.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/setup.h"

#include <string>

/// How the capture comes back when the machine, or its firewalld, starts again (--store-firewalld).
namespace meshgate::redirect {

/// Before anything is changed. With nftables: systemd has to be there, and the file that the unit
/// reads must say what was asked for, or not be there yet.
/// @throws Unsupported with what to do.
void require_can_persist(const Setup& setup, const Capture& capture);

/// With nftables, which no firewalld touches: has meshgate-redirect.service start at boot, and
/// writes its configuration if there is none. With iptables, of which firewalld flushes the tables:
/// puts the rules into its direct.xml.
/// @throws std::runtime_error, std::system_error
void persist(const Setup& setup, Capture& capture);

/// Takes our rules out of firewalld's direct.xml. @return false when there were none.
bool forget();

/// firewalld's direct.xml has rules of other meshes. @throws std::runtime_error
bool has_others();

/// Takes those of other meshes out. @return false when there were none.
bool forget_others();

}  // namespace meshgate::redirect
