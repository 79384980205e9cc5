#include "src/meshgate-redirect/removed_flags.h"

#include <algorithm>
#include <array>

namespace meshgate::redirect {
namespace {

enum class Fate : unsigned char {
    renamed,  ///< to `text`
    tcp_of,   ///< to `text`, whose values name the protocol
    udp_of,
    obsolete,  ///< what it was for does not exist any more
    refused    ///< `text` is what to do
};

struct Removed {
    Option option;
    Fate fate;
    std::string_view text;
};

constexpr auto value = Option::Kind::value;
constexpr auto toggle = Option::Kind::toggle;

constexpr Removed removed[] = {
    {{"kuma-dp-uid", value}, Fate::renamed, "kuma-dp-user"},
    {{"exclude-outbound-tcp-ports-for-uids", value},
     Fate::tcp_of,
     "exclude-outbound-ports-for-uids"},
    {{"exclude-outbound-udp-ports-for-uids", value},
     Fate::udp_of,
     "exclude-outbound-ports-for-uids"},
    {{"skip-resolv-conf", toggle}, Fate::obsolete, ""},
    {{"redirect-dns-upstream-target-chain", value}, Fate::obsolete, ""},
    {{"experimental-transparent-proxy-engine", toggle}, Fate::obsolete, ""},
    {{"redirect-inbound-port-v6", value},
     Fate::refused,
     "--redirect-inbound-port is the port of both families; for no IPv6 write --ip-family-mode "
     "ipv4"},
    {{"kuma-cp-ip", value},
     Fate::refused,
     "resolv.conf is not changed any more: write --redirect-dns"},
    {{"use-transparent-proxy-engine-v1", toggle},
     Fate::refused,
     "there is one engine: leave it out"},
};

/// "UIDS" or "PORTS:UIDS"; with a protocol before them the ports have to be there.
std::string with_ports(const std::string& text) {
    return text.find(':') == std::string::npos ? "*:" + text : text;
}

}  // namespace

std::span<const Option> removed_flags() {
    static const auto list = [] {
        std::array<Option, std::size(removed)> all{};
        std::ranges::transform(removed, all.begin(), &Removed::option);
        return all;
    }();
    return list;
}

std::pair<std::string, std::string> todays_flag(const std::string& flag, const std::string& given) {
    const auto* const found =
        std::ranges::find(removed, flag, [](const Removed& one) { return one.option.name; });
    if (found == std::end(removed)) return {flag, given};
    const std::string today{found->text};
    // Switched off, the old way is what there is today.
    const bool off = found->option.kind == toggle && given == "false";
    switch (off ? Fate::obsolete : found->fate) {
    case Fate::renamed:
        return {today, given};
    case Fate::tcp_of:
        return {today, "tcp:" + with_ports(given)};
    case Fate::udp_of:
        return {today, "udp:" + with_ports(given)};
    case Fate::obsolete:
        return {"", ""};
    case Fate::refused:
        break;
    }
    throw UsageError("--" + flag + " is no flag any more: " + today);
}

}  // namespace meshgate::redirect
