#include "unix_server.h"

#include "src/common/errors.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace meshgate::test {

UnixServer::UnixServer() {
    std::string name = (std::filesystem::temp_directory_path() / "meshgate-feed-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw_errno(name);
    folder_ = name;
}

UnixServer::~UnixServer() {
    close();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void UnixServer::listen(std::vector<Step> steps) {
    steps_.assign(steps.begin(), steps.end());
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    std::memcpy(where.sun_path, path().data(), path().size());
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
        throw_errno(path());
    }
    if (::listen(fd.get(), 8) != 0) throw_errno(path());
    listening_ = std::move(fd);
    thread_ = std::jthread{[this](const std::stop_token& stop) { serve(stop); }};
}

void UnixServer::close() {
    thread_ = {};
    listening_.reset();
    kept_.clear();
    ::unlink(path().c_str());
}

void UnixServer::serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        pollfd ready{listening_.get(), POLLIN, 0};
        if (::poll(&ready, 1, 10) <= 0) continue;
        UniqueFd client{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (client) answer(std::move(client));
    }
}

void UnixServer::answer(UniqueFd client) {
    if (silent_) {
        kept_.push_back(std::move(client));
        return;
    }
    std::string request;
    char chunk[4096];
    while (request.find("\r\n\r\n") == request.npos) {
        const auto n = ::recv(client.get(), chunk, sizeof chunk, 0);
        if (n <= 0) return;
        request.append(chunk, static_cast<std::size_t>(n));
    }
    {
        const std::lock_guard lock{mutex_};
        requests_.push_back(request);
    }
    const std::string bytes = steps_.front()(request);
    if (steps_.size() > 1) steps_.pop_front();
    for (std::string_view rest = bytes; !rest.empty();) {
        const auto n = ::send(client.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::vector<std::string> UnixServer::requests() const {
    const std::lock_guard lock{mutex_};
    return requests_;
}

std::string ok(const std::string& body, const std::string& etag) {
    return "HTTP/1.1 200 OK\r\n" + (etag.empty() ? "" : "ETag: " + etag + "\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string asked_etag(const std::string& request) {
    const std::string field = "\r\nIf-None-Match: ";
    const auto at = request.find(field);
    if (at == request.npos) return "";
    const auto from = at + field.size();
    return request.substr(from, request.find("\r\n", from) - from);
}

}  // namespace meshgate::test
