#include "netfilter/conntrack/conntrack.h"

#include "netfilter/conntrack/attributes.h"
#include "netfilter/conntrack/kernel_headers.h"
#include "netfilter/conntrack/messages.h"

#include "src/common/errors.h"

#include <cerrno>

namespace meshgate::netfilter {
namespace {

/// A dump is interrupted when the hash table is resized meanwhile, which is rare.
constexpr int max_attempts = 10;

}  // namespace

Conntrack::Conntrack() : netlink_(NETLINK_NETFILTER) {}

std::vector<Connection> Conntrack::read(const std::function<bool(const Connection&)>& wanted) {
    for (int attempt = 0; attempt < max_attempts; ++attempt) {
        std::vector<Connection> connections;
        ConntrackMessage request{IPCTNL_MSG_CT_GET, AF_UNSPEC};
        const auto dumped = netlink_.dump(request.header(), [&](const nlmsghdr& message) {
            const auto connection = parse_connection(message);
            if (!connection || connections.size() == max_read) return;
            if (wanted(*connection)) connections.push_back(*connection);
        });
        if (dumped == Netlink::Dumped::whole) return connections;
    }
    throw_errno("list the connections", EAGAIN);
}

std::optional<Connection> Conntrack::find(conf::Protocol protocol, const Tuple& original) {
    auto request = question_for(protocol, original);
    std::optional<Connection> found;
    const auto answer = netlink_.ask(request.header(), [&found](const nlmsghdr& message) {
        if (!found) found = parse_connection(message);
    });
    if (answer.error == ENOENT) return std::nullopt;
    if (answer.error != 0) throw_errno("look a connection up", answer.error);
    return found;
}

bool Conntrack::remove(const Connection& connection) {
    auto request = removal_of(connection);
    const auto answer = netlink_.ask(request.header());
    if (answer.error == ENOENT) return false;
    if (answer.error != 0) throw_errno("remove a connection", answer.error);
    return true;
}

bool Conntrack::add(const Connection& connection) {
    auto request = entry_for(connection);
    request.header().nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
    const auto answer = netlink_.ask(request.header());
    if (answer.error == EEXIST) return false;
    if (answer.error != 0) throw_errno("add a connection", answer.error);
    return true;
}

// nfnetlink_rcv_msg() answers EINVAL for a subsystem that is not there; a kernel without netfilter
// has no such socket.
bool Conntrack::is_missing(int error) noexcept {
    return error == EINVAL || error == EOPNOTSUPP || error == EPROTONOSUPPORT;
}

}  // namespace meshgate::netfilter
