#include "src/common/program.h"

#include "src/common/unique_fd.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace meshgate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t max_out_bytes = std::size_t{64} << 20;
constexpr std::size_t max_err_bytes = std::size_t{64} << 10;
constexpr std::string_view administration = "/usr/sbin:/sbin:/usr/local/sbin";

[[noreturn]] void fail(const std::string& what, int error = errno) {
    throw std::system_error(error, std::generic_category(), what);
}

/// A file in memory: a pipe would have to be fed while the answers are read.
UniqueFd file_with(std::string_view content) {
    UniqueFd file{memfd_create("input", MFD_CLOEXEC)};
    if (!file) fail("memfd_create");
    for (std::string_view rest = content; !rest.empty();) {
        const auto written = ::write(file.get(), rest.data(), rest.size());
        if (written < 0 && errno != EINTR) fail("memfd");
        if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    if (lseek(file.get(), 0, SEEK_SET) != 0) fail("memfd");
    return file;
}

struct Pipe {
    UniqueFd read_end, write_end;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
    return {UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

/// A child that is killed and reaped when it is left.
class Child {
public:
    explicit Child(pid_t pid) noexcept : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ < 0) return;
        kill(pid_, SIGKILL);
        wait();
    }
    int wait() noexcept {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

private:
    pid_t pid_;
};

/// The descriptors and the signals that the program is to have.
class SpawnSetup {
public:
    SpawnSetup(int in, int out, int err) {
        posix_spawn_file_actions_init(&actions_);
        posix_spawn_file_actions_adddup2(&actions_, in, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO);
        posix_spawnattr_init(&attributes_);
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
    }
    SpawnSetup(const SpawnSetup&) = delete;
    SpawnSetup& operator=(const SpawnSetup&) = delete;
    ~SpawnSetup() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    pid_t start(const std::vector<std::string>& arguments) {
        std::vector<char*> argv;
        for (const auto& word : arguments) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        pid_t pid = -1;
        const int error = posix_spawn(&pid, argv[0], &actions_, &attributes_, argv.data(), environ);
        if (error != 0) fail(arguments[0], error);
        return pid;
    }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

/// Appends what can be read. @return false at the end.
bool take(int fd, std::string& text, std::size_t most, bool strict) {
    std::array<char, 65536> buffer;
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0) return errno == EINTR;
    const auto room = most - std::min(most, text.size());
    text.append(buffer.data(), std::min(static_cast<std::size_t>(got), room));
    if (strict && static_cast<std::size_t>(got) > room) throw std::runtime_error("said too much");
    return got > 0;
}

void read_answers(UniqueFd out, UniqueFd err, ProgramResult& result, Clock::time_point deadline) {
    std::array<pollfd, 2> ends{{{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}}};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        const int ready =
            left.count() <= 0 ? 0 : poll(ends.data(), ends.size(), static_cast<int>(left.count()));
        if (ready == 0) throw std::runtime_error("took too long");
        if (ready < 0 && errno != EINTR) fail("poll");
        if (ready < 0) continue;
        if (ends[0].revents != 0 && !take(ends[0].fd, result.out, max_out_bytes, true)) {
            ends[0].fd = -1;
        }
        if (ends[1].revents != 0 && !take(ends[1].fd, result.err, max_err_bytes, false)) {
            ends[1].fd = -1;
        }
    }
}

std::string find_in(std::string_view folders, std::string_view name) {
    while (!folders.empty()) {
        const auto end = std::min(folders.find(':'), folders.size());
        const std::string path = std::string{folders.substr(0, end)} + "/" + std::string{name};
        folders.remove_prefix(std::min(end + 1, folders.size()));
        // A relative folder would be one of whoever chose the working directory.
        if (path.front() == '/' && access(path.c_str(), X_OK) == 0) return path;
    }
    return "";
}

}  // namespace

std::string find_program(std::string_view name) {
    const char* const path = std::getenv("PATH");
    auto found = find_in(path == nullptr ? "" : path, name);
    return found.empty() ? find_in(administration, name) : found;
}

ProgramResult run_program(const std::vector<std::string>& arguments, std::string_view input,
                          std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    const UniqueFd in = file_with(input);
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    Child child{SpawnSetup{in.get(), out.write_end.get(), err.write_end.get()}.start(arguments)};
    out.write_end.reset();
    err.write_end.reset();
    ProgramResult result;
    try {
        read_answers(std::move(out.read_end), std::move(err.read_end), result, deadline);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(arguments[0] + ": " + error.what());
    }
    result.status = child.wait();
    return result;
}

}  // namespace meshgate
