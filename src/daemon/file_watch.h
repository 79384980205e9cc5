#pragma once

#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace meshgate::daemon {

/// Follows one file through everything that happens to files like resolv.conf: written in place,
/// replaced by a rename, removed and made anew, a symlink that is pointed elsewhere, a change of
/// the file at the end of several symlinks. By inotify(7), on the folders along the way.
class FileWatch {
public:
    /// @param changed  called on the context's thread, once for what happens within a moment. The
    ///   content may be what it was before.
    FileWatch(boost::asio::io_context& context, std::function<void()> changed);
    ~FileWatch();
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;

    /// From now on this file, which need not exist; an empty path: none.
    /// @throws std::system_error when the kernel has no more instances or watches to give.
    void watch(const std::string& path);

private:
    struct State;
    std::shared_ptr<State> state_;  ///< shared with the handler that waits
};

}  // namespace meshgate::daemon
