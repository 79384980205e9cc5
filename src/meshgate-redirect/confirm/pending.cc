#include "src/meshgate-redirect/confirm/pending.h"

#include "src/meshgate-redirect/engine.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace meshgate::redirect {
namespace {

using namespace netfilter;

constexpr std::string_view pending_start = "confirm:";
constexpr std::size_t id_digits = 16;
constexpr std::string_view has_address = " address6", was_absent = " absent", has_more = " partial";

std::string_view take_part(std::string_view& text, char separator) {
    const auto end = std::min(text.find(separator), text.size());
    const auto part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

template <class Number>
bool read_number(std::string_view text, Number& to) {
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, to);
    return error == std::errc{} && stop == end;
}

bool is_id(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    return text.size() == id_digits && text.find_first_not_of(digits) == text.npos;
}

bool read_part(std::string_view part, Pending& to) {
    const auto key = take_part(part, '=');
    if (key == "id") {
        to.id = part;
        return is_id(part);
    }
    if (key == "until") {
        std::int64_t count = 0;
        constexpr std::int64_t most = std::int64_t{1} << 53;  // far beyond any machine's life
        if (!read_number(part, count) || count < 0 || count > most) return false;
        to.until = std::chrono::milliseconds{count};
        return true;
    }
    if (key == "port") {
        conf::Port port = 0;
        if (!read_number(part, port) || port == 0) return false;
        to.spared = port;
    }
    return true;
}

/// `ip daddr RANGE return`: a range each, as it was; a set would merge neighbours.
Rule route_rule(const Cidr& range) {
    return {{MatchAddress{MatchAddress::Field::daddr, Sense::equal, range.base.family(), range}},
            uncounted,
            Return{},
            "route"};
}

std::optional<Cidr> route_of(const Rule& rule) {
    if (rule.matches.size() != 1) return std::nullopt;
    const auto* match = std::get_if<MatchAddress>(&rule.matches.front());
    if (match == nullptr) return std::nullopt;
    const auto* range = std::get_if<Cidr>(&match->networks);
    return range == nullptr ? std::nullopt : std::optional{*range};
}

}  // namespace

std::chrono::milliseconds boot_time() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::milliseconds{now.tv_nsec / 1'000'000};
}

std::chrono::seconds Pending::left() const {
    const auto rest = std::chrono::ceil<std::chrono::seconds>(until - boot_time());
    return std::max(rest, std::chrono::seconds{0});
}

std::string pending_word(const Pending& pending) {
    auto word = std::string{pending_start} + "until=" + std::to_string(pending.until.count()) +
                ":id=" + pending.id;
    if (pending.spared) word += ":port=" + std::to_string(*pending.spared);
    return word;
}

std::optional<Pending> parse_pending(std::string_view word) {
    if (!word.starts_with(pending_start)) return std::nullopt;
    word.remove_prefix(pending_start.size());
    Pending pending;
    while (!word.empty()) {
        if (!read_part(take_part(word, ':'), pending)) return std::nullopt;
    }
    if (pending.id.empty() || pending.until.count() == 0) return std::nullopt;
    return pending;
}

Ruleset record_ruleset(const PendingRecord& record) {
    Ruleset ruleset;
    if (record.previous) ruleset = record.previous->ruleset;
    ruleset.table = previous_table;
    Chain chain{record_chain, std::nullopt, {}};
    auto words = pending_word(record.pending);
    if (record.surroundings.inbound_passthrough_address6) words += has_address;
    if (!record.previous) words += was_absent;
    if (!record.is_whole) words += has_more;
    chain.rules.push_back({{}, uncounted, Return{}, std::move(words)});
    for (const auto& range : record.surroundings.local_routes) {
        chain.rules.push_back(route_rule(range));
    }
    ruleset.chains.push_back(std::move(chain));
    return ruleset;
}

Ownership record_ownership(const PendingRecord& record) {
    if (record.previous && record.previous->ownership) return *record.previous->ownership;
    return {.format = table_format, .version = MESHGATE_VERSION, .digest = "none"};
}

std::optional<PendingRecord> read_record(const Installed& found) {
    const auto chain = std::ranges::find(found.ruleset.chains, record_chain, &Chain::name);
    if (chain == found.ruleset.chains.end() || chain->rules.empty()) return std::nullopt;
    const std::string_view words = chain->rules.front().comment;
    const auto pending = parse_pending(words.substr(0, words.find(' ')));
    if (!pending) return std::nullopt;
    PendingRecord record{.pending = *pending, .previous = {}, .surroundings = {}};
    record.is_whole = words.find(has_more) == words.npos;
    record.surroundings.inbound_passthrough_address6 = words.find(has_address) != words.npos;
    for (const Rule& rule : chain->rules) {
        if (const auto range = route_of(rule)) record.surroundings.local_routes.push_back(*range);
    }
    if (words.find(was_absent) != words.npos) return record;
    record.previous = Installed{.ownership = found.ownership, .ruleset = found.ruleset, .unknown = {}};
    record.previous->ruleset.table = table_name;
    std::erase_if(record.previous->ruleset.chains,
                  [](const Chain& one) { return one.name == record_chain; });
    return record;
}

}  // namespace meshgate::redirect
