#include "netfilter/nftnl/netlink.h"

#include "src/common/errors.h"

#include <sys/socket.h>

#include <linux/netlink.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <cerrno>

namespace meshgate::netfilter {

namespace {

// Dumps come in datagrams of at most 32 KiB (net/netlink/af_netlink.c, netlink_dump).
constexpr std::size_t receive_buffer_bytes = std::size_t{64} << 10;

void set_option(int fd, int level, int name, int value) {
    // Each of these is a convenience that an old kernel may lack.
    static_cast<void>(::setsockopt(fd, level, name, &value, sizeof value));
}

void visit_all(const char* begin, const char* end, const OnAttribute& visit) {
    while (begin < end) {
        const auto* attribute = reinterpret_cast<const nlattr*>(begin);
        if (!mnl_attr_ok(attribute, static_cast<int>(end - begin))) return;
        visit(*attribute);
        begin = reinterpret_cast<const char*>(mnl_attr_next(attribute));
    }
}

}  // namespace

std::optional<Answer> parse_answer(const nlmsghdr& message) {
    if (message.nlmsg_type != NLMSG_ERROR || message.nlmsg_len < mnl_nlmsg_size(sizeof(nlmsgerr))) {
        return std::nullopt;
    }
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message));
    Answer answer{.sequence = message.nlmsg_seq, .error = -error->error, .text = {}};
    if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return answer;

    std::size_t offset = sizeof(nlmsgerr);
    if ((message.nlmsg_flags & NLM_F_CAPPED) == 0) {
        if (error->msg.nlmsg_len < sizeof(nlmsghdr)) return answer;
        offset += error->msg.nlmsg_len - sizeof(nlmsghdr);  // the whole request is echoed
    }
    if (mnl_nlmsg_get_payload_len(&message) < offset) return answer;
    for_each_attribute(message, offset, [&answer](const nlattr& attribute) {
        if (mnl_attr_get_type(&attribute) == NLMSGERR_ATTR_MSG &&
            mnl_attr_validate(&attribute, MNL_TYPE_NUL_STRING) == 0) {
            answer.text = mnl_attr_get_str(&attribute);
        }
    });
    return answer;
}

void for_each_attribute(const nlmsghdr& message, std::size_t header_bytes,
                        const OnAttribute& visit) {
    const auto* payload = static_cast<const char*>(mnl_nlmsg_get_payload(&message));
    // Not mnl_nlmsg_get_payload_tail(): that one rounds up, beyond what was received.
    const auto* end = reinterpret_cast<const char*>(&message) + message.nlmsg_len;
    visit_all(payload + MNL_ALIGN(header_bytes), end, visit);
}

void for_each_nested(const nlattr& attribute, const OnAttribute& visit) {
    const auto* payload = static_cast<const char*>(mnl_attr_get_payload(&attribute));
    visit_all(payload, payload + mnl_attr_get_payload_len(&attribute), visit);
}

Netlink::Netlink(int protocol)
    : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)), buffer_(receive_buffer_bytes) {
    if (!fd_) throw_errno(protocol == NETLINK_NETFILTER ? "nf_tables netlink" : "route netlink");
    set_option(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, 1);
    set_option(fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, 1);
    set_option(fd_.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    const sockaddr_nl local{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
        throw_errno("bind netlink");
    }
    sockaddr_nl bound{};
    socklen_t bytes = sizeof bound;
    if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&bound), &bytes) == 0) {
        port_ = bound.nl_pid;
    }
}

/// A dump that was broken off would also make the kernel refuse the next one (EBUSY).
void Netlink::read_away_the_rest() {
    if (!has_rest_) return;
    receive([](const nlmsghdr&) { return false; });
}

void Netlink::send(std::span<const std::byte> messages) {
    read_away_the_rest();
    // One transaction is one datagram, and one datagram has to fit into the send buffer: beyond
    // net.core.wmem_max only SO_SNDBUFFORCE (CAP_NET_ADMIN) helps.
    constexpr std::size_t overhead = 4096;
    const auto wanted =
        static_cast<int>(std::min<std::size_t>(messages.size() + overhead, 1U << 30));
    set_option(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, wanted);

    const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    ssize_t sent = 0;
    do {
        sent = ::sendto(fd_.get(), messages.data(), messages.size(), 0,
                        reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) throw_errno("send to the kernel");
    traffic_.sent += messages.size();
    has_rest_ = true;
    has_losses_ = false;
}

bool Netlink::receive(const std::function<bool(const nlmsghdr&)>& on_message) {
    for (;;) {
        sockaddr_nl from{};
        socklen_t from_length = sizeof from;
        const auto received =
            ::recvfrom(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC | MSG_DONTWAIT,
                       reinterpret_cast<sockaddr*>(&from), &from_length);
        if (received < 0) {
            has_losses_ |= errno == ENOBUFS;
            if (errno == EINTR || errno == ENOBUFS) continue;
            if (errno == EAGAIN) {
                has_rest_ = false;
                return false;
            }
            throw_errno("read from the kernel");
        }
        if (from.nl_pid != 0) continue;  // another process may write to us; only the kernel counts
        if (static_cast<std::size_t>(received) > buffer_.size()) {
            throw_errno("read from the kernel", EMSGSIZE);
        }
        traffic_.received += static_cast<std::size_t>(received);
        ++traffic_.datagrams;
        auto rest = static_cast<int>(received);
        const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
        for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest)) {
            if (on_message(*message)) return true;
        }
    }
}

Answer Netlink::ask(nlmsghdr& request, const OnMessage& on_message) {
    request.nlmsg_flags =
        static_cast<std::uint16_t>(request.nlmsg_flags | NLM_F_REQUEST | NLM_F_ACK);
    request.nlmsg_seq = ++sequence_;
    send(std::as_bytes(std::span{reinterpret_cast<const char*>(&request), request.nlmsg_len}));
    Answer verdict;
    const bool answered = receive([&](const nlmsghdr& message) {
        if (message.nlmsg_seq != sequence_) return false;
        if (auto answer = parse_answer(message)) {
            verdict = std::move(*answer);
            return true;
        }
        if (on_message) on_message(message);
        return false;
    });
    if (!answered) throw_errno("no answer of the kernel", EPROTO);
    has_rest_ = false;
    if (has_losses_ && on_message) throw_errno("read from the kernel", ENOBUFS);
    return verdict;
}

Netlink::Dumped Netlink::dump(nlmsghdr& request, const OnMessage& on_message) {
    request.nlmsg_flags =
        static_cast<std::uint16_t>(request.nlmsg_flags | NLM_F_REQUEST | NLM_F_DUMP);
    request.nlmsg_seq = ++sequence_;
    send(std::as_bytes(std::span{reinterpret_cast<const char*>(&request), request.nlmsg_len}));
    auto dumped = Dumped::whole;
    const bool answered = receive([&](const nlmsghdr& message) {
        if (message.nlmsg_seq != sequence_) return false;
        if ((message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) dumped = Dumped::overlapped;
        if (message.nlmsg_type == NLMSG_DONE) return true;
        if (const auto answer = parse_answer(message)) {
            if (answer->error == EINTR) {  // nf_tables: the generation changed during the dump
                dumped = Dumped::interrupted;
                return true;
            }
            throw_errno("dump", answer->error);
        }
        on_message(message);
        return false;
    });
    if (has_losses_) return Dumped::interrupted;
    if (!answered) throw_errno("no answer of the kernel", EPROTO);
    has_rest_ = false;
    return dumped;
}

}  // namespace meshgate::netfilter
