#pragma once

#include "dns/forward/forwarder.h"
#include "fake_server.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>

namespace meshgate::test {

/// For what has to happen; nothing waits for it in vain.
inline constexpr std::chrono::seconds patience{20};

/// "xN.mesh" A IN, with an OPT; followed by `padding` bytes of an option.
Bytes query_bytes(std::uint8_t n = 0, std::uint16_t id = 0x1234, std::size_t padding = 0);

Bytes reply_to(Bytes query, unsigned rcode = 0, std::size_t extra = 0);
Bytes truncated(Bytes query);

/// Impatient with one server, patient in all: a loaded machine must not turn a late reply into
/// none.
dns::forward::Limits quick(std::chrono::milliseconds total = patience);

/// The scripts of simple servers.
extern const FakeServer::OnQuery answers;
extern const FakeServer::OnQuery truncates;
FakeServer::OnQuery says(unsigned rcode);

/// The client's side of a forwarder: what came back for each ticket.
class Client final : public dns::forward::ReplySink {
public:
    explicit Client(const dns::forward::Limits& limits = {}) { reset(limits); }

    void reset(const dns::forward::Limits& limits);
    bool ask(std::uint64_t ticket, const Bytes& message = query_bytes());
    void use(std::initializer_list<const FakeServer*> servers);

    /// Runs until it is so, or fails the test.
    void wait_until(const std::function<bool()>& so);
    /// Runs until `count` tickets are done.
    void wait_for(std::size_t count);
    /// Runs what is ready, without waiting for more.
    void settle();

    void on_reply(std::uint64_t ticket, std::span<const std::uint8_t> reply) noexcept override;
    void on_failure(std::uint64_t ticket, dns::forward::Failure failure) noexcept override;

    asio::io_context context{1};
    std::unique_ptr<dns::forward::Forwarder> forwarder;
    std::map<std::uint64_t, Bytes> replies;
    std::map<std::uint64_t, dns::forward::Failure> failures;
    std::function<void()> on_done;

private:
    bool inside_forward_ = false;
};

}  // namespace meshgate::test
