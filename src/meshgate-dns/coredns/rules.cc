#include "src/meshgate-dns/coredns/rules.h"

#include "conf/words.h"
#include "dns/records/type_word.h"
#include "dns/wire/text_name.h"

#include <algorithm>

namespace meshgate::coredns {
namespace {

using conf::corefile::FixedReply;
using conf::corefile::Hosts;
using dns::server::FixedAnswer;
using dns::server::FixedAnswers;
using dns::wire::Rcode;
namespace qclass = dns::wire::qclass;
namespace type = dns::wire::type;

constexpr std::uint16_t hesiod = 4;

FixedAnswer rule(const std::string& zone, std::uint16_t of_class, std::uint16_t of_type,
                 std::optional<Rcode> rcode) {
    return {dns::wire::to_wire(zone), of_class, of_type, rcode, false};
}

std::uint16_t class_number(const std::string& word) {
    if (word == "IN") return qclass::in;
    if (word == "CH") return qclass::chaos;
    return word == "HS" ? hesiod : qclass::any;
}

std::uint16_t type_number(const FixedReply& reply) {
    if (const auto number = dns::records::parse_type(reply.qtype)) return *number;
    throw conf::Error({{reply.where, conf::in_quotes(reply.qtype) + " is no type of records"}});
}

/// The longer one of two zones, of which one lies in the other; none: they have no name in common.
std::optional<std::string> overlap(const std::string& a, const std::string& b) {
    if (is_within(a, b)) return a;
    if (is_within(b, a)) return b;
    return std::nullopt;
}

void add_templates(const ZoneOf& zone, FixedAnswers::List& to) {
    for (const FixedReply& reply : zone.block->templates) {
        const auto code = static_cast<Rcode>(reply.rcode);
        for (const std::string& name : reply.zones) {
            const auto common = overlap(name, zone.zone);
            if (!common) continue;
            to.push_back(rule(*common, class_number(reply.qclass), type_number(reply), code));
            to.back().authoritative = code != Rcode::servfail;
        }
    }
}

void add_before(const ZoneOf& zone, FixedAnswers::List& to) {
    // A block that forwards is asked for other classes too: it has somebody who may know.
    const bool every_class = !zone.block->forwards.empty();
    if (!every_class) {
        FixedAnswers::List templates;
        add_templates(zone, templates);
        for (FixedAnswer& answer : templates) {
            if (answer.qclass == qclass::any) answer.qclass = qclass::in;
            if (answer.qclass == qclass::in) to.push_back(answer);
        }
        to.push_back(rule(zone.zone, qclass::in, type::any, std::nullopt));
        to.push_back(rule(zone.zone, qclass::any, type::any, Rcode::refused));
        return;
    }
    add_templates(zone, to);
    to.push_back(rule(zone.zone, qclass::any, type::any, std::nullopt));
}

void add_behind(const ZoneOf& zone, FixedAnswers::List& to) {
    const auto& hosts = zone.block->hosts;
    if (hosts && (!hosts->fallthrough || !hosts->fallthrough_zones.empty())) {
        for (const std::string& name : hosts->fallthrough_zones) {
            to.push_back(rule(name, qclass::any, type::any, std::nullopt));
        }
        for (const std::string& name : hosts->zones) {
            const auto common = overlap(name, zone.zone);
            if (!common) continue;
            // An address without a name is for others to name.
            to.push_back(rule(*common, qclass::any, type::ptr, std::nullopt));
            to.push_back(rule(*common, qclass::in, type::any, Rcode::servfail));
        }
    }
    to.push_back(rule(zone.zone, qclass::any, type::any, std::nullopt));
}

}  // namespace

FixedAnswers make_rules(std::span<const ZoneOf> zones) {
    FixedAnswers rules;
    bool keeps_names = false;
    for (const ZoneOf& zone : zones) {
        add_before(zone, rules.before_names);
        add_behind(zone, rules.behind_names);
        keeps_names = keeps_names || zone.block->hosts.has_value();
    }
    if (!keeps_names) rules.behind_names.clear();
    rules.before_names.push_back(rule("", qclass::any, type::any, Rcode::refused));
    return rules;
}

}  // namespace meshgate::coredns
