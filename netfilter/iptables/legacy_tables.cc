#include "netfilter/iptables/legacy_tables.h"

#include "src/common/unique_fd.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::netfilter {
namespace {

constexpr std::size_t max_table_bytes = std::size_t{256} << 20;

// Both families have the same numbers and shapes.
static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES);
static_assert(sizeof(ipt_getinfo) == sizeof(ip6t_getinfo));

std::optional<ipt_getinfo> info_of(int socket, int level, const std::string& table) {
    ipt_getinfo info{};
    table.copy(info.name, sizeof info.name - 1);
    socklen_t length = sizeof info;
    if (getsockopt(socket, level, IPT_SO_GET_INFO, &info, &length) != 0) return std::nullopt;
    return info;
}

/// The table as the kernel has it; empty when it does not say.
std::vector<char> entries_of(int socket, int level, const std::string& table) {
    const auto info = info_of(socket, level, table);
    if (!info || info->size > max_table_bytes) return {};
    std::vector<char> entries(sizeof(ipt_get_entries) + info->size);
    ipt_get_entries head{};
    table.copy(head.name, sizeof head.name - 1);
    head.size = info->size;
    std::memcpy(entries.data(), &head, sizeof head);
    auto length = static_cast<socklen_t>(entries.size());
    if (getsockopt(socket, level, IPT_SO_GET_ENTRIES, entries.data(), &length) != 0) return {};
    return entries;
}

template <class Look>
bool any_table(conf::Family family, Look look) {
    const bool is_ipv4 = family == conf::Family::ipv4;
    std::ifstream tables{is_ipv4 ? "/proc/self/net/ip_tables_names"
                                 : "/proc/self/net/ip6_tables_names"};
    if (!tables) return false;
    // Any socket of the family will do (net/ipv4/ip_sockglue.c), and this one takes no privilege.
    const UniqueFd socket{::socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!socket) return false;
    const int level = is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    for (std::string table; tables >> table;) {
        if (look(socket.get(), level, table)) return true;
    }
    return false;
}

}  // namespace

bool legacy_tables_mention(conf::Family family, std::span<const std::string_view> names) {
    return any_table(family, [names](int socket, int level, const std::string& table) {
        const auto entries = entries_of(socket, level, table);
        const std::string_view bytes{entries.data(), entries.size()};
        const auto is_there = [bytes](auto name) { return bytes.find(name) != bytes.npos; };
        return std::ranges::any_of(names, is_there);
    });
}

bool legacy_tables_have_rules(conf::Family family) {
    return any_table(family, [](int socket, int level, const std::string& table) {
        const auto info = info_of(socket, level, table);
        // An empty table has a policy for each of its hooks, and an end (xt_alloc_initial_table()).
        return info && info->num_entries > std::popcount(info->valid_hooks) + 1U;
    });
}

}  // namespace meshgate::netfilter
