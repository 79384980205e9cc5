#include "src/meshgate-dns/coredns/hosts.h"

#include "conf/load.h"
#include "dns/wire/name.h"
#include "dns/wire/text_name.h"
#include "dns/zone/build.h"
#include "dns/zone/hosts_text.h"

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

namespace meshgate::coredns {
namespace {

using conf::corefile::Hosts;
using dns::zone::HostList;

/// "1.2.0.192.in-addr.arpa"
std::string reverse_name(const conf::IpAddress& address) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto bytes = address.bytes();
    const bool is_ipv4 = address.family() == conf::Family::ipv4;
    std::string name;
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
        if (is_ipv4) {
            name += std::to_string(*byte) + ".";
        } else {
            name += {digits[*byte & 15U], '.', digits[*byte >> 4U], '.'};
        }
    }
    return name + (is_ipv4 ? "in-addr.arpa" : "ip6.arpa");
}

/// What of hosts files lies in the zones of a directive.
class Selection {
public:
    explicit Selection(const Hosts& hosts) : with_reverse_(hosts.reverse) {
        for (const std::string& zone : hosts.zones) zones_.push_back(dns::wire::to_wire(zone));
    }

    void add(const HostList& all) {
        for (std::size_t i = 0; i < all.size(); ++i) {
            const HostList::Host host = all[i];
            if (!has(host.name)) continue;
            chosen_.add(host.name, host.addresses,
                        with_reverse_ && host.canonical && has_reverse_of(host.addresses.front()));
        }
    }

    std::shared_ptr<const HostList> take() {
        chosen_.shrink_to_fit();
        return std::make_shared<const HostList>(std::move(chosen_));
    }

private:
    [[nodiscard]] bool has(std::span<const std::uint8_t> name) const {
        return std::any_of(zones_.begin(), zones_.end(),
                           [&](const auto& zone) { return dns::wire::is_within(name, zone); });
    }
    [[nodiscard]] bool has_reverse_of(const conf::IpAddress& address) const {
        return has(dns::wire::to_wire(reverse_name(address)));
    }

    bool with_reverse_;
    std::vector<std::vector<std::uint8_t>> zones_;
    HostList chosen_;
};

dns::zone::Source read_source(const Hosts& hosts, std::vector<std::string>& warnings) {
    Selection selection{hosts};
    for (const std::string& line : hosts.inlined) {
        selection.add(dns::zone::read_hosts(line).hosts);
    }
    try {
        selection.add(dns::zone::read_hosts(conf::read_text(hosts.file)).hosts);
    } catch (const std::exception& error) {
        warnings.push_back(std::string{error.what()} +
                           ": 'hosts' has no names of it; it is read when it is there");
    }
    return {"hosts", hosts.ttl, true, true, selection.take(), true};
}

}  // namespace

HostNames read_host_names(const std::vector<Hosts>& directives) {
    HostNames names;
    dns::zone::Sources sources;
    for (const Hosts& hosts : directives) {
        sources.told.push_back(read_source(hosts, names.warnings));
    }
    names.table = dns::zone::build({}, sources);
    return names;
}

}  // namespace meshgate::coredns
