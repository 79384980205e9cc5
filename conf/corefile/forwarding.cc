#include "conf/corefile/addresses.h"
#include "conf/corefile/directives.h"
#include "conf/corefile/words.h"
#include "conf/words.h"

#include <array>

/// forward and alternate.
namespace meshgate::conf::corefile {
namespace {

using Kind = OptionRule::Kind;

constexpr std::string_view encrypted = "servers are asked over UDP and TCP only";
constexpr std::array<OptionRule, 21> forward_options{{
    {"except", 1, 1000},
    {"policy", 1, 1},
    {"failover", 1, 20},
    {"expire", 1, 1, Kind::ignored},
    {"max_age", 1, 1, Kind::ignored},
    {"max_idle_conns", 1, 1, Kind::ignored},
    {"max_fails", 1, 1, Kind::ignored},
    {"max_concurrent", 1, 1, Kind::ignored},
    {"max_connect_attempts", 1, 1, Kind::ignored},
    {"health_check", 1, 4, Kind::ignored},
    {"prefer_udp", 0, 0},  // what it does anyway
    {"read_timeout", 1, 1, Kind::ignored},
    {"failfast_all_unhealthy_upstreams", 0, 0, Kind::ignored},
    {"force_tcp", 0, 0, Kind::refused, "UDP comes first, TCP where a reply was cut; leave it out"},
    {"next", 0, 0, Kind::refused, "'alternate' names the replies and the servers that are next"},
    {"next_on_nodata", 0, 0, Kind::refused,
     "'alternate' names the replies and the servers that are next"},
    {"source_address", 0, 0, Kind::refused, "the kernel's routes choose it"},
    {"resolver", 0, 0, Kind::refused, "write the servers' addresses"},
    {"tls", 0, 0, Kind::refused, encrypted},
    {"tls_servername", 0, 0, Kind::refused, encrypted},
    {"doh_method", 0, 0, Kind::refused, encrypted},
}};

void read_policy(const Token& word, ForwardTo& to, Problems& problems) {
    if (word.text == "random") {
        to.policy = Policy::random;
    } else if (word.text == "round_robin") {
        to.policy = Policy::round_robin;
    } else if (word.text == "sequential") {
        to.policy = Policy::sequential;
    } else {
        problems.error(word, about(word, "is no policy; there are random, round_robin and "
                                         "sequential"));
    }
}

/// The replies by which the next server of the list is asked in any case.
void read_failover(const Line& option, Problems& problems) {
    for (const Token& word : option.arguments) {
        const auto rcode = parse_rcode(word.text);
        if (!rcode) {
            problems.error(word, about(word, "is no return code"));
        } else if (*rcode == 0 || *rcode == 3) {
            problems.error(word, about(word, "is an answer; name the servers that may know better "
                                             "with 'alternate'"));
        }
    }
}

/// Reads "NXDOMAIN,SERVFAIL", also of lower case, and NODATA.
ReplyWords read_replies(const Token& token, Problems& problems) {
    ReplyWords replies;
    std::string_view rest = token.text;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        const std::string_view word = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        if (to_upper(word) == "NODATA") {
            replies.nodata = true;
        } else if (const auto rcode = parse_rcode(word)) {
            replies.rcodes.push_back(*rcode);
        } else {
            problems.error(token, in_quotes(word) + " is no return code");
        }
    }
    return replies;
}

}  // namespace

void read_forward(const Line& line, Reading& reading) {
    Problems& problems = reading.problems;
    ForwardTo to;
    to.where = line.word.where;
    if (!expect_arguments(line, 2, 1000, problems)) return;
    if (auto zone = parse_zone(line.arguments[0].text)) {
        to.from = std::move(*zone);
    } else {
        problems.error(line.arguments[0], about(line.arguments[0], "is no zone to forward; '.' is "
                                                                   "every name"));
    }
    to.upstreams = read_upstreams(line, 1, reading.resolv_conf, problems);
    read_options(line, forward_options, problems, [&](const Line& option) {
        const std::string_view word = option.word.text;
        if (word == "except") {
            const auto zones = read_zones(option, 0, problems);
            to.except.insert(to.except.end(), zones.begin(), zones.end());
        } else if (word == "policy") {
            read_policy(option.arguments[0], to, problems);
        } else if (word == "failover") {
            read_failover(option, problems);
        }
    });
    reading.block.forwards.push_back(std::move(to));
}

void read_alternate(const Line& line, Reading& reading) {
    Problems& problems = reading.problems;
    // "original" asks the others what the client asked, which is all that there is here.
    const bool original = !line.arguments.empty() && line.arguments[0].text == "original";
    const std::size_t first = original ? 1 : 0;
    if (!expect_arguments(line, first + 3, 1000, problems)) return;
    AlternateTo to;
    to.where = line.word.where;
    to.on = read_replies(line.arguments[first], problems);
    const Token& from = line.arguments[first + 1];
    if (from.text != ".") {
        problems.error(from, about(from, "cannot be, it has to be '.': every name of the block"));
    }
    to.upstreams = read_upstreams(line, first + 2, reading.resolv_conf, problems);
    read_options(line, {}, problems, [](const Line&) {});
    reading.block.alternates.push_back(std::move(to));
}

}  // namespace meshgate::conf::corefile
