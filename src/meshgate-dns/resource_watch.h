#pragma once

#include "src/daemon/file_watch.h"

#include <cstdint>
#include <functional>
#include <string>

namespace meshgate::dnsd {

/// Follows a folder of Kuma's resources: its files, and the folder itself, which may be a symlink
/// that is pointed elsewhere.
class ResourceWatch {
public:
    /// @param changed  called on the context's thread when the folder is another than it was.
    ResourceWatch(boost::asio::io_context& context, std::function<void()> changed);

    /// From now on this folder; an empty path: none. What has changed since it was read is told at
    /// once. @param read  conf::kuma::signature_of() before it was read
    /// @throws std::system_error when the kernel has no more instances or watches to give.
    void watch(const std::string& folder, std::uint64_t read);

private:
    void look();

    std::function<void()> changed_;
    std::string folder_;
    std::uint64_t seen_ = 0;
    daemon::FileWatch itself_;
    daemon::FileWatch files_;
};

}  // namespace meshgate::dnsd
