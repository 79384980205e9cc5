#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace meshgate {

/// Puts `content` in the place of a file: whoever reads it meets the old or the new, whole, also
/// after a crash. A file that was there keeps its mode and owner.
/// @param mode  of a new one
/// @throws std::system_error
void write_whole_file(const std::string& path, std::string_view content, mode_t mode);

}  // namespace meshgate
