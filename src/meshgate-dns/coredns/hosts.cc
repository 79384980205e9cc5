#include "src/meshgate-dns/coredns/hosts.h"

#include "conf/load.h"
#include "conf/words.h"
#include "dns/wire/text_name.h"
#include "dns/zone/build.h"
#include "src/meshgate-dns/coredns/routes.h"

#include <algorithm>
#include <exception>
#include <set>
#include <string_view>
#include <utility>

namespace meshgate::coredns {
namespace {

using conf::corefile::Hosts;

/// Takes the next word off a line; empty at its end or at a comment.
std::string_view take_word(std::string_view& line) {
    constexpr std::string_view blanks = " \t\r\f\v";
    const auto begin = line.find_first_not_of(blanks);
    if (begin == std::string_view::npos || line[begin] == '#') return {};
    const auto end = std::min(line.find_first_of(" \t\r\f\v#", begin), line.size());
    const std::string_view word = line.substr(begin, end - begin);
    line.remove_prefix(end);
    return word;
}

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

/// The records of one directive.
class HostRecords {
public:
    HostRecords(const Hosts& hosts, dns::zone::Contents& to) : hosts_(hosts), to_(to) {}

    /// hosts(5): an address and its names. A line that is none is passed over, as coredns does.
    void add_line(std::string_view line) {
        std::string_view text = take_word(line);
        text = text.substr(0, text.find('%'));  // the scope is this machine's own
        const auto address = conf::IpAddress::parse(text);
        if (!address) return;
        for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
            add_name(word, *address);
        }
    }

private:
    void add_name(std::string_view word, const conf::IpAddress& address) {
        const auto name = conf::parse_name(word, conf::Wildcard::yes);
        if (!name || !is_mine(*name)) return;
        const bool is_ipv4 = address.family() == conf::Family::ipv4;
        add(*name, is_ipv4 ? dns::wire::type::a : dns::wire::type::aaaa,
            {address.bytes().begin(), address.bytes().end()});
        const std::string back = reverse_name(address);
        if (hosts_.reverse && !name->starts_with('*') && is_mine(back)) {
            add(back, dns::wire::type::ptr, dns::wire::to_wire(*name));
        }
    }

    [[nodiscard]] bool is_mine(const std::string& name) const {
        return std::any_of(hosts_.zones.begin(), hosts_.zones.end(),
                           [&](const std::string& zone) { return is_within(name, zone); });
    }

    void add(const std::string& name, std::uint16_t type, std::vector<std::uint8_t> rdata) {
        to_.records.push_back(
            {dns::wire::to_wire(name), type, hosts_.ttl, std::move(rdata), "", hosts_.where});
    }

    const Hosts& hosts_;
    dns::zone::Contents& to_;
};

void add_lines(HostRecords& records, std::string_view text) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        records.add_line(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace

HostNames read_host_names(const std::vector<Hosts>& directives) {
    HostNames names;
    dns::zone::Contents contents;
    for (const Hosts& hosts : directives) {
        HostRecords records{hosts, contents};
        for (const std::string& line : hosts.inlined) records.add_line(line);
        try {
            add_lines(records, conf::read_text(hosts.file));
        } catch (const std::exception& error) {
            names.warnings.push_back(std::string{error.what()} +
                                     ": 'hosts' has no names of it; it is read when it is there");
        }
    }
    names.table = dns::zone::build(contents);
    return names;
}

}  // namespace meshgate::coredns
