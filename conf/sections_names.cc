#include "conf/sections.h"
#include "conf/values.h"

#include <algorithm>
#include <array>

namespace meshgate::conf {
namespace {

template <std::size_t Size>
using Keys = std::array<std::string_view, Size>;

constexpr std::uint32_t rest_seconds_max = 30 * 86400;

/// Part of it is for connections to this host, or to many: the proxy never gets those.
bool has_special_addresses(const Cidr& range) {
    static const std::array<Cidr, 6> special{
        Cidr::parse("0.0.0.0/8").value(),         Cidr::parse("127.0.0.0/8").value(),
        Cidr::parse("224.0.0.0/4").value(),       Cidr::parse("::/127").value(),
        Cidr::parse("::ffff:0.0.0.0/96").value(), Cidr::parse("ff00::/8").value()};
    return std::any_of(special.begin(), special.end(), [&range](const Cidr& other) {
        return other.contains(range) || range.contains(other);
    });
}

void refuse_special(TableReader& reader, std::string_view key, const Cidr& range) {
    if (!has_special_addresses(range)) return;
    reader.findings().error(reader.place(key), in_quotes(reader.name(key)) + ": " +
                                                   range.to_string() +
                                                   " has addresses that no connection through "
                                                   "the proxy can go to");
}

void read_range4(TableReader& reader, std::string_view key, Cidr& to) {
    std::string text = to.to_string();
    reader.read(key, text);
    if (const auto range = Cidr::parse(text); range && range->base.family() == Family::ipv4) {
        to = *range;
        refuse_special(reader, key, *range);
        return;
    }
    reader.findings().error(
        reader.place(key),
        in_quotes(reader.name(key)) + ": " + in_quotes(text) +
            " is not an IPv4 network such as \"240.0.0.0/4\" (no bit set after the prefix)");
}

void read_range6(TableReader& reader, Vip& to) {
    std::string text = "mapped";
    reader.read("ipv6", text);
    const auto range = Cidr::parse(text);
    if (text == "mapped" || text == "none") {
        to.ipv6_mode = text == "mapped" ? VipIpv6::mapped : VipIpv6::none;
    } else if (range && range->base.family() == Family::ipv6) {
        to.ipv6_mode = VipIpv6::native;
        to.ipv6 = *range;
        refuse_special(reader, "ipv6", *range);
    } else {
        reader.findings().error(reader.place("ipv6"),
                                "'vip.ipv6' must be \"mapped\", \"none\" or an IPv6 "
                                "network such as \"fd00:fd00::/64\", not " +
                                    in_quotes(text));
    }
}

}  // namespace

void read_vip(const toml::table& table, Vip& to, Findings& findings) {
    static constexpr Keys<8> keys{
        "mode",  "ipv4", "mesh_service", "mesh_external_service", "mesh_multi_zone_service", "ipv6",
        "state", "rest"};
    static constexpr Keys<2> modes{"proxy", "kernel"};
    TableReader reader{table, "vip", keys, findings};
    to.where = findings.place(table);
    if (const auto mode = reader.read_word("mode", modes)) to.mode = static_cast<VipMode>(*mode);
    read_range4(reader, "ipv4", to.ipv4);
    read_range4(reader, "mesh_service", to.mesh_service);
    read_range4(reader, "mesh_external_service", to.mesh_external_service);
    read_range4(reader, "mesh_multi_zone_service", to.mesh_multi_zone_service);
    read_range6(reader, to);
    reader.read("state", to.state);
    if (!to.state.starts_with('/')) {
        findings.error(reader.place("state"),
                       "'vip.state' must be an absolute path, not " + in_quotes(to.state));
    }
    reader.read_seconds("rest", to.rest);
    if (to.rest > rest_seconds_max) {
        findings.error(reader.place("rest"), "'vip.rest' must be from \"0s\" to \"30d\"");
    }
}

void read_record(const toml::table& table, std::vector<Record>& to, Findings& findings) {
    static constexpr Keys<4> keys{"name", "type", "value", "ttl"};
    TableReader reader{table, "record", keys, findings};
    Record record;
    record.where = findings.place(table);
    if (!need(reader, table, "record", {"name", "type", "value"})) return;
    read_name(reader, "name", Wildcard::yes, record.name);
    reader.read("type", record.type);
    reader.read("value", record.value);
    if (reader.has("ttl")) {
        std::uint32_t ttl = 0;
        reader.read_seconds("ttl", ttl);
        record.ttl = ttl;
    }
    to.push_back(std::move(record));
}

}  // namespace meshgate::conf
