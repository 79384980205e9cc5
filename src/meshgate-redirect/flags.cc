#include "src/meshgate-redirect/flags.h"

#include "conf/load.h"
#include "src/common/command_line.h"
#include "src/common/trimmed.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <string_view>

namespace meshgate::redirect {
namespace {

using conf::Config;

/// Digits only, min..max.
template <class Number>
std::optional<Number> parse_number(std::string_view text, Number min, Number max) {
    Number number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end || number < min || number > max) return {};
    return number;
}

std::optional<conf::Port> parse_port(std::string_view text) {
    return parse_number<conf::Port>(text, 1, std::numeric_limits<conf::Port>::max());
}

conf::PortRange parse_range(const std::string& flag, std::string_view text) {
    const auto dash = text.find('-');
    const auto first = parse_port(text.substr(0, dash));
    const auto last = dash == text.npos ? first : parse_port(text.substr(dash + 1));
    if (!first || !last || *last < *first) {
        throw UsageError("--" + flag + ": '" + std::string{text} +
                         "' is not a port (1 to 65535) or a range such as 8000-8100");
    }
    return {*first, *last};
}

/// "22,8000-8100"; an empty text is an empty list.
std::vector<conf::PortRange> parse_ranges(const std::string& flag, std::string_view text) {
    std::vector<conf::PortRange> ranges;
    if (trimmed(text).empty()) return ranges;
    while (true) {
        const auto comma = text.find(',');
        ranges.push_back(parse_range(flag, trimmed(text.substr(0, comma))));
        if (comma == text.npos) return ranges;
        text.remove_prefix(comma + 1);
    }
}

/// A uid needs no passwd entry; everything else is a name, looked up later.
conf::UserRef parse_user(const std::string& flag, const std::string& text) {
    const conf::Location where{"--" + flag, 0, 0};
    const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return {text, where};
    // The highest number means "no user" to the kernel.
    const auto uid = parse_number<conf::Uid>(text, 0, std::numeric_limits<conf::Uid>::max() - 1);
    if (!uid) throw UsageError("--" + flag + ": '" + text + "' is not a user name or a uid");
    return {conf::UidRange{*uid, *uid}, where};
}

class Flags {
public:
    explicit Flags(Config& config) : config_(config) {}

    void apply(const std::string& flag, const std::string& value) {
        auto& redirect = config_.redirect;
        if (flag == "kuma-dp-user") config_.proxy.user = parse_user(flag, value);
        if (flag == "redirect-dns") redirect.dns.enabled = value == "true";
        if (flag == "redirect-all-dns-traffic") capture_all(value == "true");
        if (flag == "redirect-dns-port") redirect.dns.port = port(flag, value);
        if (flag == "exclude-inbound-ports") add_ports(flag, value, redirect.inbound.exclude_ports);
        if (flag == "exclude-outbound-ports") {
            add_ports(flag, value, redirect.outbound.exclude_ports);
        }
    }

private:
    void capture_all(bool all) {
        auto& dns = config_.redirect.dns;
        if (all) dns.enabled = true;
        dns.capture = all ? conf::DnsCaptureMode::all : conf::DnsCaptureMode::resolv_conf;
    }
    static conf::Port port(const std::string& flag, const std::string& value) {
        if (const auto number = parse_port(value)) return *number;
        throw UsageError("--" + flag + ": '" + value + "' is not a port (1 to 65535)");
    }
    void add_ports(const std::string& flag, const std::string& value,
                   std::vector<conf::PortRange>& to) {
        if (lists_seen_.insert(flag).second) to.clear();
        const auto more = parse_ranges(flag, value);
        to.insert(to.end(), more.begin(), more.end());
    }

    Config& config_;
    std::set<std::string> lists_seen_;
};

}  // namespace

void apply_flags(const std::vector<std::pair<std::string, std::string>>& flags, Config& config) {
    const auto switched_on = [&flags](std::string_view name) {
        return std::ranges::any_of(flags, [name](const auto& flag) {
            return flag.first == name && flag.second == "true";
        });
    };
    if (switched_on("redirect-dns") && switched_on("redirect-all-dns-traffic")) {
        throw UsageError("use one of --redirect-dns and --redirect-all-dns-traffic");
    }
    Flags applied{config};
    for (const auto& [flag, value] : flags) applied.apply(flag, value);
    if (flags.empty()) return;
    if (auto found = conf::contradictions(config); !found.empty()) {
        throw conf::Error(std::move(found));
    }
}

}  // namespace meshgate::redirect
