#include "src/meshgate-dns/sockaddr.h"

#include "src/common/errors.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cstring>

namespace meshgate::dnsd {

KernelAddress to_kernel(const conf::SocketAddress& address) {
    KernelAddress out;
    const auto bytes = address.address.bytes();
    if (address.address.family() == conf::Family::ipv4) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(address.port);
        std::memcpy(&in.sin_addr, bytes.data(), bytes.size());
        std::memcpy(&out.storage, &in, sizeof in);
        out.length = sizeof in;
        return out;
    }
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(address.port);
    std::memcpy(&in6.sin6_addr, bytes.data(), bytes.size());
    if (!address.scope.empty()) {
        in6.sin6_scope_id = ::if_nametoindex(address.scope.c_str());
        if (in6.sin6_scope_id == 0) throw_errno("interface " + address.scope);
    }
    std::memcpy(&out.storage, &in6, sizeof in6);
    out.length = sizeof in6;
    return out;
}

}  // namespace meshgate::dnsd
