#include "conf/corefile/directives.h"
#include "conf/corefile/words.h"
#include "conf/words.h"

#include <algorithm>
#include <array>

/// template, hosts and cache.
namespace meshgate::conf::corefile {
namespace {

using Kind = OptionRule::Kind;

constexpr std::string_view made_up =
    "answers are not made from templates; write them as [[record]] in meshgate.toml";
constexpr std::array<OptionRule, 8> template_options{{
    {"rcode", 1, 1},
    {"fallthrough", 0, 1000},  // without a match there is nothing to fall through
    {"match", 1, 1000},
    {"upstream", 0, 0, Kind::ignored},
    {"answer", 0, 0, Kind::refused, made_up},
    {"additional", 0, 0, Kind::refused, made_up},
    {"authority", 0, 0, Kind::refused, made_up},
    {"ederror", 0, 0, Kind::refused, made_up},
}};
constexpr std::array<std::string_view, 4> classes{"IN", "CH", "HS", "ANY"};
constexpr std::array<std::string_view, 4> matches_all{".", ".*", "^.*$", ".+"};

constexpr std::array<OptionRule, 5> hosts_options{{
    {"ttl", 1, 1},
    {"no_reverse", 0, 0},
    {"reload", 1, 1, Kind::ignored},  // the file is followed
    {"fallthrough", 0, 1000},
    {"fallthrough_unsupported", 0, 0, Kind::ignored},
}};

constexpr std::array<OptionRule, 9> cache_options{{
    {"success", 1, 3},
    {"denial", 1, 3},
    {"prefetch", 1, 3, Kind::ignored},     // popular answers are refreshed
    {"serve_stale", 0, 4, Kind::ignored},  // when upstreams fail
    {"serve_stale_policy", 1, 1, Kind::ignored},
    {"servfail", 1, 1, Kind::ignored},
    {"keepttl", 0, 0, Kind::refused, "TTLs are counted down"},
    {"disable", 0, 0, Kind::refused, "'success 1 0' or 'denial 1 0' keeps none of a kind"},
    {"zones", 0, 0, Kind::refused, "name the zones behind 'cache'"},
}};
constexpr std::uint32_t ttl_max = 86400;

void read_match(const Line& option, Problems& problems) {
    for (const Token& pattern : option.arguments) {
        if (std::find(matches_all.begin(), matches_all.end(), pattern.text) != matches_all.end()) {
            continue;
        }
        problems.error(pattern, about(pattern, "does not match every name of the zone; name the "
                                               "zones behind the type instead"));
    }
}

/// The zones of a directive; those of its block when it has none of its own.
std::vector<std::string> zones_of(const Line& line, std::size_t first, const Reading& reading) {
    auto zones = read_zones(line, first, reading.problems);
    if (zones.empty()) {
        for (const auto& key : reading.block.keys) zones.push_back(key.zone);
    }
    return zones;
}

/// "address name name": a line of a hosts file that stands in a block.
bool is_inline_host(const Line& option) {
    return IpAddress::parse(option.word.text).has_value();
}

std::string joined(const Line& line) {
    std::string text = line.word.text;
    for (const Token& argument : line.arguments) text += " " + argument.text;
    return text;
}

/// success|denial CAPACITY [TTL] [MINTTL]
void read_share(const Line& option, std::uint32_t& to, Problems& problems) {
    for (const Token& word : option.arguments) {
        if (!parse_number(word.text, 2147483647)) {
            problems.error(word, about(word, "is no whole number"));
            return;
        }
    }
    if (option.arguments.size() > 1) {
        to = std::min(*parse_number(option.arguments[1].text, 2147483647), ttl_max);
    }
}

}  // namespace

void read_template(const Line& line, Reading& reading) {
    Problems& problems = reading.problems;
    if (!expect_arguments(line, 2, 1000, problems)) return;
    FixedReply reply;
    reply.where = line.word.where;
    reply.qclass = to_upper(line.arguments[0].text);
    reply.qtype = to_upper(line.arguments[1].text);
    if (std::find(classes.begin(), classes.end(), reply.qclass) == classes.end()) {
        problems.error(line.arguments[0], about(line.arguments[0], "is no class (IN, CH, HS or "
                                                                   "ANY)"));
    }
    reply.zones = zones_of(line, 2, reading);
    bool has_rcode = false;
    read_options(line, template_options, problems, [&](const Line& option) {
        if (option.word.text == "match") return read_match(option, problems);
        if (option.word.text != "rcode") return;
        const auto rcode = parse_rcode(option.arguments[0].text);
        if (!rcode) {
            problems.error(option.arguments[0], about(option.arguments[0], "is no return code"));
        }
        reply.rcode = rcode.value_or(0);
        has_rcode = true;
    });
    if (!has_rcode) {
        problems.error(line.word, "this 'template' has no 'rcode': " + std::string{made_up});
    }
    reading.block.templates.push_back(std::move(reply));
}

void read_hosts(const Line& line, Reading& reading) {
    Problems& problems = reading.problems;
    Hosts hosts;
    hosts.where = line.word.where;
    const bool has_file = !line.arguments.empty();
    if (has_file) hosts.file = line.arguments[0].text;
    if (!hosts.file.starts_with('/')) {
        problems.error(line.arguments[0], about(line.arguments[0], "is no path that begins with "
                                                                   "'/'"));
    }
    hosts.zones = zones_of(line, 1, reading);
    Line options = line;
    std::erase_if(options.block, is_inline_host);
    for (const Line& option : line.block) {
        if (is_inline_host(option)) hosts.inlined.push_back(joined(option));
    }
    read_options(options, hosts_options, problems, [&](const Line& option) {
        const std::string_view word = option.word.text;
        if (word == "no_reverse") hosts.reverse = false;
        if (word == "fallthrough") {
            hosts.fallthrough = true;
            hosts.fallthrough_zones = read_zones(option, 0, problems);
        }
        if (word != "ttl") return;
        const auto ttl = parse_number(option.arguments[0].text, 65535);
        if (!ttl || *ttl == 0) {
            problems.error(option.arguments[0], about(option.arguments[0], "is no TTL of 1 to "
                                                                           "65535 seconds"));
        }
        hosts.ttl = ttl.value_or(hosts.ttl);
    });
    if (reading.block.hosts) problems.error(line.word, "'hosts' may stand once in a block");
    reading.block.hosts = std::move(hosts);
}

void read_cache(const Line& line, Reading& reading) {
    Problems& problems = reading.problems;
    CacheFor cache;
    cache.where = line.word.where;
    std::size_t first = 0;
    if (!line.arguments.empty()) {
        if (const auto ttl = parse_number(line.arguments[0].text, 2147483647)) {
            first = 1;
            cache.success_ttl_max = cache.denial_ttl_max = std::min(*ttl, ttl_max);
            if (*ttl == 0) {
                problems.error(line.arguments[0], "a TTL of 0 keeps nothing; leave 'cache' out");
            }
        }
    }
    if (!read_zones(line, first, problems).empty()) {
        problems.warning(line.word, "'cache' is for every zone of its port here");
    }
    read_options(line, cache_options, problems, [&](const Line& option) {
        read_share(option,
                   option.word.text == "success" ? cache.success_ttl_max : cache.denial_ttl_max,
                   problems);
    });
    reading.block.cache = cache;
}

}  // namespace meshgate::conf::corefile
