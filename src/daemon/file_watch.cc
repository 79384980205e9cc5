#include "src/daemon/file_watch.h"

#include "src/common/asio.h"
#include "src/common/errors.h"
#include "src/common/timer.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

namespace meshgate::daemon {
namespace {

namespace fs = std::filesystem;

/// Whoever writes a file does so in several steps.
constexpr std::chrono::milliseconds settle_time{100};
constexpr unsigned links_max = 16;  // of one path; the kernel follows 40
constexpr std::uint32_t events = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
                                 IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

/// Adds the folders whose entries decide what `path` is: its own, and those of its symlinks.
void collect_folders(fs::path path, std::set<std::string>& folders) {
    std::error_code error;
    for (unsigned links = 0; links < links_max; ++links) {
        const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path{"."};
        folders.insert(folder.string());
        const fs::path target = fs::read_symlink(path, error);
        if (error) return;
        path = target.is_absolute() ? target : folder / target;
    }
}

/// The nearest folder above `folder` that is there: one that is missing may come.
fs::path existing(fs::path folder) {
    std::error_code error;
    while (!fs::is_directory(folder, error) && folder.has_relative_path()) {
        folder = folder.parent_path();
    }
    return folder.empty() ? fs::path{"."} : folder;
}

}  // namespace

struct FileWatch::State : std::enable_shared_from_this<State> {
    State(asio::io_context& context, std::function<void()> its_changed)
        : descriptor(context), settle(context), changed(std::move(its_changed)) {}

    void open() {
        if (descriptor.is_open()) return;
        const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd < 0) throw_errno("inotify_init1");
        descriptor.assign(fd);
        wait();
    }

    void watch_folders() {
        std::set<std::string> wanted;
        if (!path.empty()) collect_folders(path, wanted);
        std::set<int> kept;
        for (const auto& folder : wanted) {
            // The same folder twice is the same watch.
            const int watch =
                ::inotify_add_watch(descriptor.native_handle(), existing(folder).c_str(), events);
            if (watch < 0) throw_errno("inotify_add_watch " + folder);
            kept.insert(watch);
        }
        for (const int old : watches) {
            if (!kept.contains(old)) ::inotify_rm_watch(descriptor.native_handle(), old);
        }
        watches = std::move(kept);
    }

    void wait() {
        descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& error) {
                                  if (error || !self->descriptor.is_open()) return;
                                  self->drain();
                                  self->settle_soon();
                                  self->wait();
                              });
    }

    /// What happened does not matter: the file is looked at anew.
    void drain() {
        std::array<char, 4096> buffer;
        while (::read(descriptor.native_handle(), buffer.data(), buffer.size()) > 0) {
        }
    }

    void settle_soon() {
        if (std::exchange(settling, true)) return;
        settle.wait_for(settle_time, [this] {
            settling = false;
            try {
                watch_folders();
            } catch (const std::system_error&) {
                // The watches there were stay; the next event tries again.
            }
            if (!path.empty()) changed();
        });
    }

    asio::posix::stream_descriptor descriptor;
    Timer settle;
    bool settling = false;
    std::function<void()> changed;
    std::string path;
    std::set<int> watches;
};

FileWatch::FileWatch(asio::io_context& context, std::function<void()> changed)
    : state_(std::make_shared<State>(context, std::move(changed))) {}

FileWatch::~FileWatch() {
    state_->settle.cancel();
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);
}

void FileWatch::watch(const std::string& path) {
    if (path.empty() && !state_->descriptor.is_open()) return;
    state_->open();
    state_->path = path;
    state_->watch_folders();
}

}  // namespace meshgate::daemon
