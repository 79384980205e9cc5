#pragma once

#include <string>
#include <vector>

namespace meshgate::redirect {

/// The lines of `before` that go ("- ...") and those of `after` that come ("+ ..."), in order; what
/// stays is left out. The least possible number of them for texts that differ in less than some
/// thousand lines.
std::vector<std::string> lines_diff(const std::vector<std::string>& before,
                                    const std::vector<std::string>& after);

}  // namespace meshgate::redirect
