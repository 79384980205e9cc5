#pragma once

#include "src/common/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct nlattr;
struct nlmsghdr;

namespace meshgate::netfilter {

/// What the kernel answered to one message: errno (0: done) and, where it has one, its own text
/// (NETLINK_EXT_ACK).
struct Answer {
    std::uint32_t sequence = 0;
    int error = 0;
    std::string text;
};

/// None when `message` is no NLMSG_ERROR or too short for one.
std::optional<Answer> parse_answer(const nlmsghdr& message);

using OnAttribute = std::function<void(const nlattr&)>;

/// Visits the attributes of a message that come after `header_bytes` of its payload. (libmnl's
/// mnl_attr_for_each is no C++.)
void for_each_attribute(const nlmsghdr& message, std::size_t header_bytes,
                        const OnAttribute& visit);

/// Visits the attributes within an attribute.
void for_each_nested(const nlattr& attribute, const OnAttribute& visit);

/// What has gone through a socket.
struct Traffic {
    std::uint64_t sent = 0, received = 0;  ///< bytes
    std::uint64_t datagrams = 0;           ///< received
};

/// A netlink socket in the network namespace of the thread that makes it. The kernel handles what
/// is sent before the send returns (net/netlink/af_netlink.c, netlink_unicast_kernel), and goes on
/// with a dump at each read: an answer is never waited for.
class Netlink {
public:
    using OnMessage = std::function<void(const nlmsghdr&)>;

    explicit Netlink(
        int protocol);  ///< NETLINK_NETFILTER, NETLINK_ROUTE. @throws std::system_error

    /// By which the kernel names this socket to others (nl_pid, netlink(7)).
    [[nodiscard]] std::uint32_t port() const noexcept { return port_; }

    [[nodiscard]] const Traffic& traffic() const noexcept { return traffic_; }

    /// Sends one datagram of whatever size. What is left of earlier answers, after an error, is
    /// read away before: it must not be taken for the answer to this. @throws std::system_error
    void send(std::span<const std::byte> messages);

    /// Reads messages until `on_message` returns true. @return false when none is left before that.
    /// ENOBUFS (an answer was lost, but one is still queued) and EINTR are survived.
    /// @throws std::system_error
    bool receive(const std::function<bool(const nlmsghdr&)>& on_message);

    /// Sends one request (its flags and sequence number are set here) and hands every message of
    /// the answer to `on_message`. @return the kernel's verdict.
    /// @throws std::system_error, ENOBUFS when `on_message` may have missed a part of the answer
    Answer ask(nlmsghdr& request, const OnMessage& on_message = {});

    /// Overlapped: whole, but objects of that kind changed meanwhile, those that were dumped or
    /// others (NLM_F_DUMP_INTR). Interrupted: a part is missing.
    enum class Dumped { whole, overlapped, interrupted };
    /// The same with NLM_F_DUMP.
    /// @throws std::system_error of the kernel's error.
    Dumped dump(nlmsghdr& request, const OnMessage& on_message);

private:
    void read_away_the_rest();

    UniqueFd fd_;
    bool has_rest_ = false;   ///< something that was sent is not answered to the end
    bool has_losses_ = false;  ///< of the answer that is being read
    std::uint32_t port_ = 0;
    std::uint32_t sequence_ = 0;
    Traffic traffic_;
    std::vector<std::byte> buffer_;
};

}  // namespace meshgate::netfilter
