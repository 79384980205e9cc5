#include "src/common/whole_file.h"

#include "src/common/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace meshgate {
namespace {

[[noreturn]] void fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

/// Removed unless it was renamed away.
class Draft {
public:
    explicit Draft(const std::string& path)
        : path_(path + "." + std::string(6, 'X')), fd_(mkstemp(path_.data())) {
        if (!fd_) fail(path_);
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    void rename_to(const std::string& path) {
        if (std::rename(path_.c_str(), path.c_str()) != 0) fail(path);
        path_.clear();
    }

private:
    std::string path_;
    UniqueFd fd_;
};

void write_all(int fd, std::string_view content, const std::string& path) {
    while (!content.empty()) {
        const auto written = ::write(fd, content.data(), content.size());
        if (written < 0 && errno != EINTR) fail(path);
        if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
    }
}

void sync_folder_of(const std::string& path) {
    const auto folder = path.substr(0, path.rfind('/') + 1);
    const UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0) fail(folder);
}

}  // namespace

void write_whole_file(const std::string& path, std::string_view content, mode_t mode) {
    Draft draft{path};
    struct stat before {};
    if (::stat(path.c_str(), &before) == 0) {
        mode = before.st_mode & 07777;
        if (::fchown(draft.fd(), before.st_uid, before.st_gid) != 0) fail(path);
    }
    if (::fchmod(draft.fd(), mode) != 0) fail(path);
    write_all(draft.fd(), content, path);
    if (::fsync(draft.fd()) != 0) fail(path);
    draft.rename_to(path);
    sync_folder_of(path);
}

}  // namespace meshgate
