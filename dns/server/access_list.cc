#include "dns/server/access_list.h"

#include "dns/wire/bytes.h"

#include <algorithm>
#include <cstring>

namespace meshgate::dns::server {

AccessList::AccessList(std::span<const conf::Cidr> networks, std::span<const std::uint32_t> links)
    : links_(links.begin(), links.end()) {
    for (const conf::Cidr& each : networks) {
        const conf::Cidr network = each.unmapped().value_or(each);
        const conf::IpAddress last = network.last();
        if (network.base.family() == conf::Family::ipv4) {
            ipv4_.push_back({wire::read32(network.base.bytes(), 0), wire::read32(last.bytes(), 0)});
            continue;
        }
        auto& range = ipv6_.emplace_back();
        std::copy_n(network.base.bytes().begin(), range.first.size(), range.first.begin());
        std::copy_n(last.bytes().begin(), range.last.size(), range.last.begin());
    }
    merge(ipv4_);
    merge(ipv6_);
    std::sort(links_.begin(), links_.end());
}

template <class Address>
void AccessList::merge(std::vector<Range<Address>>& ranges) {
    std::sort(ranges.begin(), ranges.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    std::size_t kept = 0;
    for (const auto& range : ranges) {
        if (kept > 0 && range.first <= ranges[kept - 1].last) {
            ranges[kept - 1].last = std::max(ranges[kept - 1].last, range.last);
        } else {
            ranges[kept++] = range;
        }
    }
    ranges.resize(kept);
    ranges.shrink_to_fit();
}

template <class Address>
bool AccessList::holds(const std::vector<Range<Address>>& ranges, const Address& address) noexcept {
    const auto after = std::upper_bound(
        ranges.begin(), ranges.end(), address,
        [](const Address& wanted, const auto& range) { return wanted < range.first; });
    return after != ranges.begin() && address <= std::prev(after)->last;
}

bool AccessList::allows(const Peer& client) const noexcept {
    if (client.generic.sa_family == AF_INET) {
        return holds(ipv4_, ntohl(client.v4.sin_addr.s_addr));
    }
    const in6_addr& address = client.v6.sin6_addr;
    Ipv6 bytes;
    std::memcpy(bytes.data(), &address, bytes.size());
    if (IN6_IS_ADDR_V4MAPPED(&address)) return holds(ipv4_, wire::read32(bytes, 12));
    if (IN6_IS_ADDR_LINKLOCAL(&address) &&
        std::binary_search(links_.begin(), links_.end(), client.v6.sin6_scope_id)) {
        return true;
    }
    return holds(ipv6_, bytes);
}

}  // namespace meshgate::dns::server
