#include "conf/resolv_conf.h"
#include "conf/sections.h"
#include "conf/values.h"

#include <algorithm>
#include <array>

namespace meshgate::conf {
namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t forwards_max = 64;
constexpr std::size_t unix_path_bytes_max = 107;  // sockaddr_un, with its terminating NUL

template <std::size_t Size>
using Keys = std::array<std::string_view, Size>;

std::optional<Listen> parse_listen(std::string_view text) {
    if (auto address = SocketAddress::parse(text, 0)) return *address;
    auto named = parse_host_port(text, 0);
    if (!named || named->host.size() > 15 ||
        named->host.find_first_of(":/[]% ") != std::string::npos) {
        return std::nullopt;
    }
    return InterfacePort{std::move(named->host), named->port};
}

bool is_digits_and_dots(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

std::optional<Allowed> parse_allowed(std::string_view text) {
    if (const auto network = Cidr::parse(text)) return *network;
    // "10.0.0.256" and "10.0.0.1/8" are mistyped networks, not interfaces.
    if (text.find_first_of(":/") != text.npos || is_digits_and_dots(text)) return std::nullopt;
    if (!is_interface_pattern(text)) return std::nullopt;
    return std::string{text};
}

std::optional<Upstream> parse_upstream(std::string_view text) {
    if (text == "resolv-conf") return ResolvConfUpstreams{};
    if (auto address = SocketAddress::parse(text, dns_port)) return *address;
    auto named = parse_host_port(text, dns_port);
    if (!named) return std::nullopt;
    const auto host = parse_name(named->host);
    // "9.9.9.999" is a mistyped address, not a name.
    if (!host || is_digits_and_dots(named->host)) return std::nullopt;
    return HostUpstream{*host, named->port};
}

constexpr std::string_view upstream_words =
    "\"resolv-conf\", an address such as \"9.9.9.9\" or \"[2620:fe::fe]:53\", or a host name";

std::optional<std::string> parse_admin(std::string_view text) {
    if (text.starts_with(unix_prefix)) {
        const auto path = text.substr(unix_prefix.size());
        if (!path.starts_with('/') || path.size() > unix_path_bytes_max) return std::nullopt;
        return std::string{text};
    }
    if (const auto address = SocketAddress::parse(text, 0)) return address->to_string();
    return std::nullopt;
}

void read_search(TableReader& reader, Dns& to) {
    if (!reader.has("search")) return;
    const auto parse = [](std::string_view text) {
        return text == "resolv-conf" ? std::optional{std::string{text}} : parse_name(text);
    };
    to.search = read_words<std::string>(reader, "search", parse,
                                        "\"resolv-conf\" or a domain such as \"corp.example\"");
    if (to.search.size() > search_domains_max) {
        reader.findings().error(reader.place("search"), "'dns.search' has more than 32 domains");
    }
}

void read_query_log(TableReader& reader, Dns& to, Findings& findings) {
    reader.read("query_log", to.query_log);
    const auto& where = to.query_log;
    if (!where.empty() && where != "journal" && where != "stdout" && !where.starts_with('/')) {
        findings.error(reader.place("query_log"),
                       "'dns.query_log' must be \"/PATH\", \"journal\", \"stdout\", or \"\" for "
                       "none, not " +
                           in_quotes(where));
    }
    if (const auto* sample = reader.find("query_log_sample")) {
        const auto one_in =
            as_integer(findings, *sample, reader.name("query_log_sample"), 1, 1'000'000);
        to.query_log_sample = static_cast<std::uint32_t>(one_in.value_or(to.query_log_sample));
    }
}

void read_forward(const toml::table& table, std::vector<Forward>& to, Findings& findings) {
    static constexpr Keys<2> keys{"suffix", "upstreams"};
    TableReader reader{table, "dns.forward", keys, findings};
    Forward forward;
    forward.where = findings.place(table);
    if (!need(reader, table, "dns.forward", {"suffix", "upstreams"})) return;
    read_name(reader, "suffix", Wildcard::no, forward.suffix);
    const auto before = findings.errors();
    forward.upstreams = read_words<Upstream>(reader, "upstreams", parse_upstream, upstream_words);
    if (forward.upstreams.empty() && before == findings.errors()) {
        findings.error(reader.place("upstreams"),
                       "'dns.forward.upstreams' must have at least one server");
    }
    const auto twin = std::find_if(to.begin(), to.end(), [&forward](const Forward& other) {
        return !forward.suffix.empty() && other.suffix == forward.suffix;
    });
    if (twin != to.end()) {
        findings.error(reader.place("suffix"), in_quotes(forward.suffix) +
                                                   " is already forwarded at " +
                                                   twin->where.to_string());
    }
    if (to.size() == forwards_max) {
        findings.error(forward.where,
                       "more than " + std::to_string(forwards_max) + " '[[dns.forward]]'");
    }
    to.push_back(std::move(forward));
}

}  // namespace

void read_admin(TableReader& reader, std::vector<std::string>& admin, bool& is_default) {
    const auto* node = reader.find("admin");
    if (node == nullptr) return;
    is_default = false;
    if (node->value_exact<std::string>() == "") {
        admin.clear();
        return;
    }
    admin = read_words<std::string>(reader, "admin", parse_admin,
                                    "\"unix:/PATH\", an address with a port such as "
                                    "\"127.0.0.1:9153\", or \"\" for none");
}

void read_dns(const toml::table& table, Dns& to, Findings& findings) {
    static constexpr Keys<12> keys{
        "search",    "listen",  "allow",           "rate_limit", "user",      "admin",
        "upstreams", "forward", "private_reverse", "cache",      "query_log", "query_log_sample"};
    static constexpr Keys<2> who{"forward", "local"};
    TableReader reader{table, "dns", keys, findings};
    if (reader.has("listen")) {
        const auto before = findings.errors();
        to.listen = read_words<Listen>(reader, "listen", parse_listen,
                                       "an address with a port such as \"127.0.0.1:15053\" or "
                                       "\"[::1]:15053\", or an interface with a port such as "
                                       "\"docker0:15053\"");
        if (to.listen.empty() && before == findings.errors()) {
            findings.error(reader.place("listen"), "'dns.listen' must have at least one address");
        }
    }
    to.allow = read_words<Allowed>(reader, "allow", parse_allowed,
                                   "an address, a network such as \"10.0.0.0/8\" (no bit set "
                                   "after the prefix), or an interface such as \"docker0\"");
    if (const auto* rate = reader.find("rate_limit")) {
        const auto limit = as_integer(findings, *rate, reader.name("rate_limit"), 0, 1'000'000);
        to.rate_limit = static_cast<std::uint32_t>(limit.value_or(to.rate_limit));
    }
    to.user = read_user(reader, "user");
    read_admin(reader, to.admin, to.admin_is_default);
    if (reader.has("upstreams")) {
        to.upstreams = read_words<Upstream>(reader, "upstreams", parse_upstream, upstream_words);
    }
    read_search(reader, to);
    reader.read_tables(
        "forward", [&](const toml::table& entry) { read_forward(entry, to.forwards, findings); });
    if (const auto word = reader.read_word("private_reverse", who)) {
        to.private_reverse = static_cast<PrivateReverse>(*word);
    }
    reader.read_bytes("cache", to.cache_bytes);
    read_query_log(reader, to, findings);
}

}  // namespace meshgate::conf
