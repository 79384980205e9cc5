#include "dns/feed/http_get.h"

#include "src/common/errors.h"
#include "src/common/unique_fd.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

namespace meshgate::dns::feed {
namespace {

using Clock = std::chrono::steady_clock;

/// A connection that gives up at its deadline or when a stop is requested.
class Connection {
public:
    Connection(const HttpGet& request, const std::stop_token& stop)
        : name_(request.socket), deadline_(Clock::now() + request.patience),
          wake_(::eventfd(0, EFD_CLOEXEC)),
          fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
          on_stop_(stop, Wake{wake_.get()}) {
        if (!wake_ || !fd_) throw_errno(name_);
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        if (name_.size() >= sizeof where.sun_path) throw_errno(name_, ENAMETOOLONG);
        std::memcpy(where.sun_path, name_.data(), name_.size());
        // A unix socket connects at once or not at all; EAGAIN: its backlog is full.
        if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
            throw_errno(name_);
        }
    }

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            wait(POLLOUT);
            const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
            if (n < 0 && errno != EAGAIN && errno != EINTR) throw_errno(name_);
        }
    }

    /// Some bytes; none: the other side is done.
    std::string_view receive() {
        for (;;) {
            wait(POLLIN);
            const auto n = ::recv(fd_.get(), chunk_->data(), chunk_->size(), 0);
            if (n >= 0) return {chunk_->data(), static_cast<std::size_t>(n)};
            if (errno != EAGAIN && errno != EINTR) throw_errno(name_);
        }
    }

private:
    struct Wake {
        int fd;
        void operator()() const noexcept {
            const std::uint64_t one = 1;
            [[maybe_unused]] const auto n = ::write(fd, &one, sizeof one);
        }
    };

    void wait(short events) {
        for (;;) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
            if (left.count() <= 0) throw_errno(name_, ETIMEDOUT);
            std::array<pollfd, 2> both{{{fd_.get(), events, 0}, {wake_.get(), POLLIN, 0}}};
            const int ready = ::poll(both.data(), both.size(), static_cast<int>(left.count()));
            if (ready < 0 && errno != EINTR) throw_errno(name_);
            if (ready <= 0) continue;
            if (both[1].revents != 0) throw_errno(name_, ECANCELED);
            return;
        }
    }

    std::string name_;
    Clock::time_point deadline_;
    UniqueFd wake_;
    UniqueFd fd_;
    std::stop_callback<Wake> on_stop_;
    std::unique_ptr<std::array<char, 65536>> chunk_ = std::make_unique<std::array<char, 65536>>();
};

std::string head_of(const HttpGet& request) {
    std::string head = "GET " + request.path +
                       " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: meshgate-dns\r\n"
                       "Accept: application/json\r\nConnection: close\r\n";
    if (!request.etag.empty()) head += "If-None-Match: " + request.etag + "\r\n";
    return head + "\r\n";
}

}  // namespace

HttpResponse get(const HttpGet& request, const std::stop_token& stop) {
    Connection connection{request, stop};
    connection.send(head_of(request));
    ResponseReader reader;
    for (;;) {
        const std::string_view bytes = connection.receive();
        if (bytes.empty()) {
            reader.end();
            return reader.take();
        }
        if (reader.put(bytes)) return reader.take();
    }
}

}  // namespace meshgate::dns::feed
