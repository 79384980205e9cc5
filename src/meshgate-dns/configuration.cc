#include "src/meshgate-dns/configuration.h"

#include "conf/kuma/resource_folder.h"
#include "dns/zone/special_names.h"
#include "src/meshgate-dns/rebuild.h"

#include <malloc.h>

#include <system_error>
#include <utility>

namespace meshgate::dnsd {
namespace {

using SharedTable = std::shared_ptr<const dns::zone::Table>;

/// The same table for the same setting: another one makes the workers forget what they cached.
SharedTable special_table(conf::PrivateReverse private_reverse) {
    const auto make = [](conf::PrivateReverse how) -> SharedTable {
        return dns::zone::build(dns::zone::special_names(how));
    };
    if (private_reverse == conf::PrivateReverse::local) {
        static const SharedTable local = make(conf::PrivateReverse::local);
        return local;
    }
    static const SharedTable forward = make(conf::PrivateReverse::forward);
    return forward;
}

}  // namespace

Configuration make_configuration(conf::Loaded loaded, const dns::zone::VipState& kept,
                                 const FeedNames& told, const HostsFiles* hosts_before) {
    Catalogue catalogue = make_catalogue(loaded, kept);
    Configuration out;
    out.warnings = std::move(catalogue.warnings);
    out.hosts = std::make_shared<HostsFiles>(loaded.config, hosts_before);
    out.told = told;
    out.table = dns::zone::build(catalogue.contents,
                                 all_sources(loaded.config, told, *out.hosts, out.warnings));
    if (loaded.config.feed.kuma || !loaded.config.hosts.empty()) {
        out.contents = std::make_shared<const dns::zone::Contents>(std::move(catalogue.contents));
    }
    out.special = special_table(loaded.config.dns.private_reverse);
    out.vips = std::move(catalogue.state);
    out.resources_signature = loaded.resources_signature;
    out.config = std::move(loaded.config);
    // They are in the table now; a big mesh's would be most of what this process holds.
    // Not "= {}", which would keep the room.
    out.config.services = std::vector<conf::Service>{};
    out.config.external_services = std::vector<conf::ExternalService>{};
    out.config.records = std::vector<conf::Record>{};
    return out;
}

void give_memory_back() noexcept {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

Configuration load_again(const std::optional<std::string>& file, const dns::zone::VipState& served,
                         const FeedNames& told, const HostsFiles* hosts_before) {
    if (file && *file == "-") {
        throw conf::Error({{conf::Location{"standard input", 0, 0},
                            "the configuration came from standard input, which is read once: a "
                            "restart is needed"}});
    }
    return make_configuration(conf::kuma::load_with_resources(file), served, told, hosts_before);
}

void keep_state(Configuration& configuration, std::shared_ptr<const StateLock> before) {
    const std::string& file = configuration.config.vip.state;
    try {
        const bool goes_on = before && before->state_file() == file;
        configuration.state_lock =
            goes_on ? std::move(before) : std::make_shared<const StateLock>(file);
        dns::zone::write_state(file, configuration.vips);
    } catch (const std::runtime_error& error) {
        configuration.warnings.push_back(std::string{error.what()} +
                                         "; addresses that are not pinned may change at a restart");
    }
}

std::vector<std::string> needs_restart(const conf::Config& started, const conf::Config& now) {
    std::vector<std::string> keys;
    if (started.dns.listen != now.dns.listen) keys.emplace_back("dns.listen");
    if (started.dns.user != now.dns.user) keys.emplace_back("dns.user");
    if (!now.dns.user && started.proxy.user != now.proxy.user) keys.emplace_back("proxy.user");
    if (started.dns.admin != now.dns.admin) keys.emplace_back("dns.admin");
    if (started.dns.cache_bytes != now.dns.cache_bytes) keys.emplace_back("dns.cache");
    return keys;
}

}  // namespace meshgate::dnsd
