#pragma once

#include <string>

namespace meshgate::netfilter::test {

/// Puts this process into a new network namespace, with lo up. Leaves nothing behind.
void enter_fresh_namespace();

/// What a command writes to standard output, run by sh in this namespace; fails the test when the
/// command fails.
std::string output_of(const std::string& command);

}  // namespace meshgate::netfilter::test
