#include "src/resolver/host_resolver.h"

#include "src/common/asio.h"
#include "src/daemon/sockaddr.h"

#include <ares.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace meshgate {
namespace {

constexpr int try_ms = 2000;  // c-ares doubles it for the second try
constexpr int tries = 2;

using Error = boost::system::error_code;
using Socket = asio::posix::stream_descriptor;

void initialize_library() {
    static std::once_flag once;
    std::call_once(once, [] { ::ares_library_init(ARES_LIB_INIT_ALL); });
}

HostAnswer answer_of(int status, const ares_addrinfo* result) {
    HostAnswer answer;
    answer.is_known = status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA;
    auto& out = answer.addresses;
    const auto* node = result == nullptr ? nullptr : result->nodes;
    for (; node != nullptr; node = node->ai_next) {
        const auto address = daemon::from_kernel(node->ai_addr);
        if (!address || std::find(out.begin(), out.end(), *address) != out.end()) continue;
        const std::chrono::seconds ttl{std::max(node->ai_ttl, 0)};
        answer.ttl = out.empty() ? ttl : std::min(answer.ttl, ttl);
        out.push_back(*address);
    }
    return answer;
}

}  // namespace

/// One name. A channel of its own reads resolv.conf as it is now. Lives as long as a wait of it is
/// pending; close() ends those.
class HostResolver::Lookup : public std::enable_shared_from_this<Lookup> {
public:
    Lookup(asio::io_context& context, Found found)
        : context_(context), timer_(context), found_(std::move(found)) {}
    ~Lookup() { close(); }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    void start(const std::string& host, const std::string& resolv_conf) {
        std::string path = resolv_conf;
        ares_options options{};
        options.timeout = try_ms;
        options.tries = tries;
        options.sock_state_cb = on_socket_state;
        options.sock_state_cb_data = this;
        options.resolvconf_path = path.data();
        const int mask =
            ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
        if (::ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
            channel_ = nullptr;
            return finish();
        }
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_DGRAM;   // each address once
        hints.ai_flags = ARES_AI_NOSORT;  // sorting would connect a socket to each
        ::ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, on_addresses, this);
        watch_time();
    }

    void close() {
        if (std::exchange(closed_, true)) return;
        timer_.cancel();
        if (channel_ != nullptr) ::ares_destroy(std::exchange(channel_, nullptr));
        sockets_.clear();
    }

private:
    /// c-ares opens and closes the sockets; we only wait for them.
    static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable) {
        static_cast<Lookup*>(self)->watch_socket(fd, readable != 0, writable != 0);
    }

    static void on_addresses(void* self, int status, int /*timeouts*/, ares_addrinfo* result) {
        auto& lookup = *static_cast<Lookup*>(self);
        lookup.answer_ = answer_of(status, result);
        if (result != nullptr) ::ares_freeaddrinfo(result);
        if (!lookup.closed_) lookup.finish();
    }

    void watch_socket(ares_socket_t fd, bool readable, bool writable) {
        if (!readable && !writable) {
            const auto known = sockets_.find(fd);
            if (known == sockets_.end()) return;
            known->second->release();  // never close: it is the library's
            sockets_.erase(known);
            return;
        }
        if (closed_) return;
        auto& socket = sockets_[fd];
        if (!socket) socket = std::make_shared<Socket>(context_, fd);
        if (readable) wait(socket, Socket::wait_read);
        if (writable) wait(socket, Socket::wait_write);
    }

    void wait(const std::shared_ptr<Socket>& socket, Socket::wait_type what) {
        socket->async_wait(what, [self = shared_from_this(), socket, what](const Error& error) {
            if (error || self->closed_) return;
            const ares_socket_t fd = socket->native_handle();
            const bool reads = what == Socket::wait_read;
            ::ares_process_fd(self->channel_, reads ? fd : ARES_SOCKET_BAD,
                              reads ? ARES_SOCKET_BAD : fd);
            const auto known = self->sockets_.find(fd);
            const bool open = known != self->sockets_.end() && known->second == socket;
            if (open && reads && !self->closed_) self->wait(socket, what);
        });
    }

    void watch_time() {
        if (closed_) return;
        timeval most{1, 0};
        timeval left{};
        const timeval* next = ::ares_timeout(channel_, &most, &left);
        timer_.expires_after(std::chrono::seconds{next->tv_sec} +
                             std::chrono::microseconds{next->tv_usec} +
                             std::chrono::milliseconds{1});
        timer_.async_wait([self = shared_from_this()](const Error& error) {
            if (error || self->closed_) return;
            ::ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            self->watch_time();
        });
    }

    /// Not here and now: the library may be our caller, and its channel must outlive the call.
    void finish() {
        asio::post(context_, [self = shared_from_this()] {
            if (self->closed_) return;
            self->close();
            self->found_(std::move(self->answer_));
        });
    }

    asio::io_context& context_;
    asio::steady_timer timer_;
    Found found_;
    ares_channel channel_ = nullptr;
    std::map<ares_socket_t, std::shared_ptr<Socket>> sockets_;  ///< shared with the pending waits
    HostAnswer answer_;
    bool closed_ = false;
};

HostResolver::HostResolver(asio::io_context& context) : context_(context) {
    initialize_library();
}

HostResolver::~HostResolver() {
    for (const auto& weak : lookups_) {
        if (const auto lookup = weak.lock()) lookup->close();
    }
}

void HostResolver::resolve(const std::string& host, const std::string& resolv_conf, Found found) {
    std::erase_if(lookups_, [](const auto& weak) { return weak.expired(); });
    const auto lookup = std::make_shared<Lookup>(context_, std::move(found));
    lookups_.push_back(lookup);
    lookup->start(host, resolv_conf);
}

}  // namespace meshgate
