#include "src/meshgate-dns/coredns/log_lines.h"

#include "dns/records/type_word.h"
#include "dns/wire/text_name.h"
#include "src/meshgate-dns/words.h"

#include <array>
#include <cstdio>

namespace meshgate::coredns {
namespace {

using dns::server::LoggedQuery;
using dns::server::ReplyClass;
using dns::server::ReplyClasses;
using dns::server::Source;

constexpr std::size_t errors_max = 10;  // of the failures that are written at a time

constexpr std::array<std::pair<std::string_view, std::uint16_t>, 7> flag_words{
    {{"qr", dns::wire::flag::qr},
     {"aa", dns::wire::flag::aa},
     {"tc", dns::wire::flag::tc},
     {"rd", dns::wire::flag::rd},
     {"ra", dns::wire::flag::ra},
     {"ad", dns::wire::flag::ad},
     {"cd", dns::wire::flag::cd}}};

std::string flags_of(const LoggedQuery& query) {
    std::string words;
    for (const auto& [word, bit] : flag_words) {
        if ((query.answer_flags & bit) == 0) continue;
        if (!words.empty()) words += ',';
        words += word;
    }
    return words;
}

/// In brackets when it is IPv6, as a port stands behind it.
std::string remote_of(const LoggedQuery& query) {
    const conf::IpAddress address = address_of(query.client);
    if (address.family() == conf::Family::ipv4) return address.to_string();
    return "[" + address.to_string() + "]";
}

std::string seconds_of(std::chrono::nanoseconds took) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%lld.%09llds",
                  static_cast<long long>(took.count() / 1'000'000'000),
                  static_cast<long long>(took.count() % 1'000'000'000));
    return text.data();
}

std::string name_of(const LoggedQuery& query) {
    if (query.qname_bytes == 0) return "-";
    const std::string name = dns::wire::to_text(query.qname());
    return name == "." ? name : name + ".";
}

std::string class_of_query(const LoggedQuery& query) {
    if (query.qclass == dns::wire::qclass::in) return "IN";
    if (query.qclass == dns::wire::qclass::chaos) return "CH";
    return "CLASS" + std::to_string(query.qclass);
}

std::string value_of(std::string_view placeholder, const LoggedQuery& query) {
    if (placeholder == "remote") return remote_of(query);
    if (placeholder == "port") return std::to_string(dns::server::port(query.client));
    if (placeholder == "type") return dns::records::type_word(query.qtype);
    if (placeholder == "class") return class_of_query(query);
    if (placeholder == "name") return name_of(query);
    if (placeholder == "proto") return query.proto == dns::server::Proto::tcp ? "tcp" : "udp";
    if (placeholder == "size") return std::to_string(query.query_bytes);
    if (placeholder == "rcode") return std::string{dnsd::rcode_word(query.rcode)};
    if (placeholder == "rsize") return std::to_string(query.answer_bytes);
    if (placeholder == "duration") return seconds_of(query.took);
    if (placeholder == ">id") return std::to_string(query.id);
    if (placeholder == ">opcode") return std::to_string(query.answer_flags >> 11U & 15U);
    if (placeholder == ">do") return query.dnssec_ok ? "true" : "false";
    if (placeholder == ">bufsize") return std::to_string(query.udp_payload_size);
    if (placeholder == ">rflags") return flags_of(query);
    return "-";
}

std::string to_error_line(const LoggedQuery& query) {
    return "[ERROR] plugin/errors: " + std::to_string(static_cast<unsigned>(query.rcode)) + " " +
           name_of(query) + " " + dns::records::type_word(query.qtype) + ": no upstream answered\n";
}

bool has_failed(const LoggedQuery& query) {
    return query.rcode == dns::wire::Rcode::servfail && query.source == Source::local;
}

std::string error_lines(std::span<const LoggedQuery> queries) {
    std::string lines;
    std::size_t count = 0;
    for (const LoggedQuery& query : queries) {
        if (has_failed(query) && ++count <= errors_max) lines += to_error_line(query);
    }
    if (count > errors_max) {
        lines += "[ERROR] plugin/errors: " + std::to_string(count - errors_max) + " more\n";
    }
    return lines;
}

}  // namespace

std::string to_log_line(const LoggedQuery& query, std::string_view format) {
    std::string line = "[INFO] ";
    while (!format.empty()) {
        const auto open = format.find('{');
        line += format.substr(0, open);
        if (open == std::string_view::npos) break;
        const auto close = format.find('}', open);
        if (close == std::string_view::npos) {
            line += format.substr(open);
            break;
        }
        line += value_of(format.substr(open + 1, close - open - 1), query);
        format.remove_prefix(close + 1);
    }
    return line + "\n";
}

ReplyClasses classes_for(const LogPlan& plan) {
    unsigned classes = plan.format ? plan.classes : 0U;
    if (plan.errors) classes |= static_cast<unsigned>(ReplyClass::error);
    return static_cast<ReplyClasses>(classes);
}

dnsd::QueryLines make_log_lines(const LogPlan& plan) {
    return [plan](std::span<const LoggedQuery> queries) {
        std::string lines;
        for (const LoggedQuery& query : queries) {
            const auto is = dns::server::class_of(query.rcode, query.answer_records);
            if (plan.format && (plan.classes & static_cast<ReplyClasses>(is)) != 0) {
                lines += to_log_line(query, *plan.format);
            }
        }
        if (plan.errors) lines += error_lines(queries);
        return lines;
    };
}

}  // namespace meshgate::coredns
