#pragma once

#include <string>
#include <vector>

namespace meshgate::redirect {

/// What kumactl leaves on a machine besides its rules, a sentence each: a copy of resolv.conf (up to
/// 1.7), and of all rules of iptables (since 2.9, before each of its changes). They are named and
/// left: only whoever owns the machine knows whether somebody reads them.
/// @param root  in place of "/"; for tests
std::vector<std::string> kuma_leftovers(const std::string& root = "/");

}  // namespace meshgate::redirect
