#include "src/meshgate-dns/query_log_sink.h"

#include "src/common/errors.h"
#include "src/common/unique_fd.h"
#include "src/meshgate-dns/query_line.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace meshgate::dnsd {
namespace {

using dns::server::LoggedQuery;

constexpr mode_t file_mode = 0640;
constexpr int patience_ms = 1000;
constexpr const char* journal_socket = "/run/systemd/journal/socket";

sockaddr_un journal_address() {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    std::strcpy(where.sun_path, journal_socket);
    return where;
}

std::string json_lines(std::span<const LoggedQuery> queries) {
    std::string lines;
    for (const LoggedQuery& query : queries) lines += to_json_line(query);
    return lines;
}

/// To a file or a pipe.
class Lines final : public QueryLogSink {
public:
    Lines(UniqueFd fd, QueryLines to_lines) : to_lines_(std::move(to_lines)), fd_(std::move(fd)) {}

    std::size_t write(std::span<const LoggedQuery> queries) override {
        std::string lines = to_lines_(queries);
        return write_whole(lines) ? 0 : queries.size();
    }

private:
    /// A disk that is full, or a pipe nobody reads, leaves half a line at most: the next line
    /// begins a new one.
    bool write_whole(std::string& lines) {
        if (std::exchange(broken_line_, false)) lines.insert(0, "\n");
        std::string_view rest = lines;
        while (!rest.empty()) {
            const std::size_t n = write_piece(rest.substr(0, PIPE_BUF));
            if (n == 0) {
                broken_line_ = rest.size() != lines.size();
                return false;
            }
            rest.remove_prefix(n);
        }
        return true;
    }

    /// A pipe that takes anything takes PIPE_BUF bytes without waiting, pipe(7).
    /// @return bytes; 0: none within a second.
    [[nodiscard]] std::size_t write_piece(std::string_view piece) const {
        pollfd ready{fd_.get(), POLLOUT, 0};
        if (::poll(&ready, 1, patience_ms) <= 0) return 0;
        const ssize_t n = ::write(fd_.get(), piece.data(), piece.size());
        return n < 0 ? 0 : static_cast<std::size_t>(n);
    }

    QueryLines to_lines_;
    UniqueFd fd_;
    bool broken_line_ = false;
};

/// An entry a datagram.
class Journal final : public QueryLogSink {
public:
    explicit Journal(UniqueFd fd) : fd_(std::move(fd)) {}

    std::size_t write(std::span<const LoggedQuery> queries) override {
        std::size_t lost = 0;
        for (const LoggedQuery& query : queries) {
            const std::string entry = to_journal_entry(query);
            if (send(entry)) continue;
            ++lost;
            if (errno != EAGAIN) continue;
            // It took nothing for a second: it is not waited for once more.
            const auto done = static_cast<std::size_t>(&query - queries.data()) + 1;
            return lost + queries.size() - done;
        }
        return lost;
    }

private:
    /// To the name, not over a connection: journald may be started anew.
    [[nodiscard]] bool send(const std::string& entry) const {
        const sockaddr_un where = journal_address();
        return ::sendto(fd_.get(), entry.data(), entry.size(), MSG_NOSIGNAL,
                        reinterpret_cast<const sockaddr*>(&where), sizeof where) >= 0;
    }

    UniqueFd fd_;
};

std::unique_ptr<QueryLogSink> open_journal() {
    UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!fd) throw_errno("query log: journal");
    const timeval patience{patience_ms / 1000, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::access(journal_socket, W_OK) != 0) {
        throw_errno(std::string{"query log: journal: "} + journal_socket);
    }
    return std::make_unique<Journal>(std::move(fd));
}

/// Without waiting for the other end of a named pipe.
UniqueFd open_file(const std::string& path) {
    UniqueFd fd{::open(path.c_str(),
                       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                       file_mode)};
    if (!fd) throw_errno("query log " + path);
    return fd;
}

}  // namespace

std::unique_ptr<QueryLogSink> open_query_log_sink(const std::string& where) {
    if (where == "journal") return open_journal();
    if (where == "stdout") return open_stdout_sink(json_lines);
    return std::make_unique<Lines>(open_file(where), json_lines);
}

std::unique_ptr<QueryLogSink> open_stdout_sink(QueryLines lines) {
    UniqueFd fd{::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)};
    if (!fd) throw_errno("query log: standard output");
    return std::make_unique<Lines>(std::move(fd), std::move(lines));
}

}  // namespace meshgate::dnsd
