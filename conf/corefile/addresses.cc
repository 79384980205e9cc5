#include "conf/corefile/addresses.h"

#include "conf/corefile/words.h"
#include "conf/words.h"

#include <array>

namespace meshgate::conf::corefile {
namespace {

constexpr std::size_t upstreams_max = 15;  // of a directive, as in coredns

/// What stands before "://", and the rest.
struct Scheme {
    std::string_view name;
    std::string_view rest;
};

Scheme split_scheme(std::string_view text) {
    const auto end = text.find("://");
    if (end == std::string_view::npos) return {"", text};
    return {text.substr(0, end), text.substr(end + 3)};
}

std::optional<Upstream> host_upstream(std::string_view text) {
    Port port = dns_port;
    const auto colon = text.rfind(':');
    if (colon != std::string_view::npos) {
        const auto number = parse_number(text.substr(colon + 1), 65535);
        if (!number || *number == 0) return std::nullopt;
        port = static_cast<Port>(*number);
        text = text.substr(0, colon);
    }
    const auto host = parse_name(text);
    if (!host) return std::nullopt;
    return HostUpstream{*host, port};
}

std::optional<Upstream> read_upstream(const Token& token, std::string& resolv_conf,
                                      Problems& problems) {
    const auto [scheme, rest] = split_scheme(token.text);
    if (!scheme.empty() && scheme != "dns") {
        problems.error(token, in_quotes(token.text) + ": servers are asked over UDP and TCP only; "
                                                      "dns.upstreams takes ADDRESS:PORT");
        return std::nullopt;
    }
    if (scheme.empty() && rest.starts_with('/')) {
        if (resolv_conf.empty()) resolv_conf = rest;
        if (resolv_conf != rest) {
            problems.error(token, about(token, "is the second file of servers; there may be one "
                                               "(resolv_conf in meshgate.toml), here it is " +
                                                   in_quotes(resolv_conf)));
            return std::nullopt;
        }
        return ResolvConfUpstreams{};
    }
    if (const auto address = SocketAddress::parse(rest, dns_port)) return *address;
    auto host = host_upstream(rest);
    if (!host) problems.error(token, about(token, "is no address, no host name and no file"));
    return host;
}

std::vector<SocketAddress> parse_http_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return {};
    const std::string_view host = text.substr(0, colon);
    const std::string port{text.substr(colon)};
    std::vector<std::string> texts{std::string{text}};
    if (host.empty()) texts = {"0.0.0.0" + port, "[::]" + port};
    if (host == "localhost") texts = {"127.0.0.1" + port};
    std::vector<SocketAddress> addresses;
    for (const std::string& one : texts) {
        const auto address = SocketAddress::parse(one, 0);
        if (!address || address->port == 0) return {};
        addresses.push_back(*address);
    }
    return addresses;
}

}  // namespace

std::vector<Upstream> read_upstreams(const Line& line, std::size_t first, std::string& resolv_conf,
                                     Problems& problems) {
    std::vector<Upstream> upstreams;
    for (std::size_t i = first; i < line.arguments.size(); ++i) {
        if (i - first == upstreams_max) {
            problems.error(line.arguments[i], in_quotes(line.word.text) + " takes 15 servers");
            break;
        }
        if (auto one = read_upstream(line.arguments[i], resolv_conf, problems)) {
            upstreams.push_back(std::move(*one));
        }
    }
    return upstreams;
}

HttpAt read_http_address(const Line& line, std::string_view fallback, Problems& problems) {
    HttpAt at{parse_http_address(fallback), line.word.where};
    if (!expect_arguments(line, 0, 1, problems) || line.arguments.empty()) return at;
    auto addresses = parse_http_address(line.arguments[0].text);
    if (addresses.empty()) {
        problems.error(line.arguments[0],
                       about(line.arguments[0], "is no ADDRESS:PORT to listen on"));
        return at;
    }
    at.addresses = std::move(addresses);
    return at;
}

}  // namespace meshgate::conf::corefile
