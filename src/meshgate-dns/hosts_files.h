#pragma once

#include "conf/config.h"
#include "dns/zone/build.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::dnsd {

/// The hosts files of a configuration as sources of names. What is kept of a file is what tells
/// whether it has changed, not its names: a million of them would be in memory twice. One thread at
/// a time.
class HostsFiles {
public:
    /// @param before  of the configuration before this one: what could be read then has to be
    ///   readable now. Null: there was none.
    explicit HostsFiles(const conf::Config& config, const HostsFiles* before = nullptr);

    [[nodiscard]] std::vector<std::string> paths() const;

    /// All names of all files, in order. A file that has not been there yet is a line in
    /// `warnings`, what is passed over in one too.
    /// @throws std::system_error for a file that was there and cannot be read: to lose its names is
    ///   worse than to keep them.
    std::vector<dns::zone::Source> read(std::vector<std::string>& warnings);

    struct Added {
        dns::zone::Source source;
        dns::zone::Position position;
    };
    /// The names of lines that were appended to the files since they were read last; none: nothing
    /// has changed. Empty when something else has, or more than dns::zone::added_names_max came:
    /// then read() all.
    /// @throws std::system_error
    std::optional<std::vector<Added>> read_added(std::vector<std::string>& warnings);

private:
    struct File {
        conf::HostsFile configured;
        bool was_read = false;
        std::uint64_t bytes = 0;             ///< when it was read
        std::uint32_t lines = 0;             ///< of them
        bool ends_line = true;               ///< the last of them is whole
        std::vector<std::uint64_t> digests;  ///< of each chunk of them, the last one shorter
    };

    [[nodiscard]] dns::zone::Source source_of(const File& file, std::string_view text,
                                              std::uint32_t first_line,
                                              std::vector<std::string>& warnings) const;

    std::vector<File> files_;
    std::uint32_t ttl_;
    bool ipv4_, ipv6_;
};

}  // namespace meshgate::dnsd
