#include "src/meshgate-dns/rebuild.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace meshgate::dnsd {
namespace {

using dns::zone::HostList;
using dns::zone::Position;
using SharedTable = std::shared_ptr<const dns::zone::Table>;

bool same(const HostList::Host& a, const HostList::Host& b) {
    return std::equal(a.name.begin(), a.name.end(), b.name.begin(), b.name.end()) &&
           std::equal(a.addresses.begin(), a.addresses.end(), b.addresses.begin(),
                      b.addresses.end());
}

/// What a list has more than the one before it; empty when that is not all that is different.
std::optional<HostList> more_than(const HostList& before, const HostList& now) {
    HostList more;
    std::size_t known = 0;
    for (std::size_t i = 0; i < now.size(); ++i) {
        const HostList::Host host = now[i];
        if (known < before.size() && same(before[known], host)) {
            ++known;
            continue;
        }
        if (more.size() == dns::zone::added_names_max) return std::nullopt;
        more.add(host.name, host.addresses, host.canonical);
    }
    if (known != before.size()) return std::nullopt;
    return more;
}

/// Null: only building it anew is right.
SharedTable with_more_of_feeds(const SharedTable& table, const Rebuild& from) {
    if (from.had.kuma == from.told.kuma) return table;
    if (!from.had.kuma || !from.told.kuma || from.had.kuma->ttl != from.told.kuma->ttl) {
        return nullptr;
    }
    auto more = more_than(*from.had.kuma->hosts, *from.told.kuma->hosts);
    if (!more) return nullptr;
    auto source = to_sources(from.config, from.told).told.front();
    source.hosts = std::make_shared<const HostList>(std::move(*more));
    return dns::zone::with_more(table, source, Position::anywhere);
}

SharedTable with_more_of_hosts(SharedTable table, const Rebuild& from,
                               std::vector<std::string>& warnings) {
    const auto added = from.hosts->read_added(warnings);
    if (!added) return nullptr;
    for (const HostsFiles::Added& one : *added) {
        if (table) table = dns::zone::with_more(table, one.source, one.position);
    }
    return table;
}

}  // namespace

dns::zone::Sources all_sources(const conf::Config& config, const FeedNames& told, HostsFiles& hosts,
                               std::vector<std::string>& warnings) {
    dns::zone::Sources sources = to_sources(config, told);
    auto of_hosts = hosts.read(warnings);
    std::move(of_hosts.begin(), of_hosts.end(), std::back_inserter(sources.told));
    return sources;
}

SharedTable rebuild(const Rebuild& from, std::vector<std::string>& warnings) {
    if (auto table = with_more_of_feeds(from.table, from)) {
        if (auto with_hosts = with_more_of_hosts(std::move(table), from, warnings)) {
            return with_hosts;
        }
    }
    warnings.clear();  // of lines that are read once more
    return dns::zone::build(*from.contents,
                            all_sources(from.config, from.told, *from.hosts, warnings));
}

}  // namespace meshgate::dnsd
