#pragma once

#include <cstdint>
#include <string>

namespace meshgate::conf {

/// A place in a configuration file, for messages of the steps that come after parsing. Line 0: not
/// from a file.
struct Location {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    [[nodiscard]] std::string to_string() const;  ///< "meshgate.toml:12:3", or "" without a file

    friend bool operator==(const Location&, const Location&) noexcept {
        return true;
    }  // where a value stood is not part of it
};

}  // namespace meshgate::conf
