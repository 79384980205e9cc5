#include "src/meshgate-dns/feed_names.h"

namespace meshgate::dnsd {

dns::zone::Sources to_sources(const conf::Config& config, const FeedNames& names) {
    dns::zone::Sources sources;
    if (!config.feed.kuma) return sources;
    sources.complete = names.kuma != nullptr;
    if (!names.kuma) return sources;
    dns::zone::Source kuma;
    kuma.name = "kuma";
    kuma.ttl = names.kuma->ttl.value_or(config.mesh.ttl);
    kuma.ipv4 = config.redirect.ip_family != conf::IpFamilyMode::ipv6;
    kuma.ipv6 = config.redirect.ip_family != conf::IpFamilyMode::ipv4 &&
                config.vip.ipv6_mode != conf::VipIpv6::none;
    kuma.hosts = names.kuma->hosts;
    sources.told.push_back(std::move(kuma));
    return sources;
}

}  // namespace meshgate::dnsd
