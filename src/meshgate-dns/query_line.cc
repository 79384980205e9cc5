#include "src/meshgate-dns/query_line.h"

#include "dns/records/type_word.h"
#include "dns/wire/text_name.h"
#include "src/meshgate-dns/json.h"
#include "src/meshgate-dns/words.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace meshgate::dnsd {
namespace {

using dns::server::LoggedQuery;

/// RFC 3339, in UTC, with microseconds.
std::string time_word(std::chrono::system_clock::time_point time) {
    const auto since =
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
    const auto seconds = static_cast<std::time_t>(since.count() / 1'000'000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                  parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                  parts.tm_min, parts.tm_sec, static_cast<int>(since.count() % 1'000'000));
    return text.data();
}

std::string class_word(std::uint16_t qclass) {
    if (qclass == dns::wire::qclass::in) return "IN";
    if (qclass == dns::wire::qclass::chaos) return "CH";
    return "CLASS" + std::to_string(qclass);  // RFC 3597 section 5
}

/// What a query says, each in a word.
struct Words {
    explicit Words(const LoggedQuery& query)
        : time(time_word(query.time)), client(address_of(query.client).to_string()),
          port(std::to_string(dns::server::port(query.client))),
          proto(query.proto == dns::server::Proto::tcp ? "tcp" : "udp"),
          rcode(rcode_word(query.rcode)), source(source_word(query.source)),
          bytes(std::to_string(query.answer_bytes)),
          microseconds(std::to_string(
              std::chrono::duration_cast<std::chrono::microseconds>(query.took).count())) {
        if (query.qname_bytes == 0) return;
        name = dns::wire::to_text(query.qname());
        type = dns::records::type_word(query.qtype);
        qclass = class_word(query.qclass);
    }

    std::string time, client, port, proto, name, type, qclass, rcode, source, bytes, microseconds;
};

void add_field(std::string& entry, std::string_view name, std::string_view value) {
    entry.append(name).append("=").append(value).append("\n");
}

}  // namespace

std::string to_json_line(const LoggedQuery& query) {
    const Words words{query};
    std::string out = "{\"time\":" + json_string(words.time) +
                      ",\"client\":" + json_string(words.client) + ",\"port\":" + words.port +
                      ",\"proto\":" + json_string(words.proto) + ",\"name\":";
    if (words.name.empty()) {
        out += "null";
    } else {
        out += json_string(words.name) + ",\"type\":" + json_string(words.type) +
               ",\"class\":" + json_string(words.qclass);
    }
    return out + ",\"rcode\":" + json_string(words.rcode) +
           ",\"source\":" + json_string(words.source) + ",\"bytes\":" + words.bytes +
           ",\"microseconds\":" + words.microseconds + "}\n";
}

std::string to_journal_entry(const LoggedQuery& query) {
    const Words words{query};
    std::string question = words.name;
    if (!question.empty()) question += " " + words.type;
    std::string entry;
    add_field(entry, "MESSAGE",
              words.client + " " + (question.empty() ? "no question" : question) + " " +
                  words.rcode + " " + words.source + " " + words.microseconds + " us");
    add_field(entry, "PRIORITY", "6");
    add_field(entry, "SYSLOG_IDENTIFIER", "meshgate-dns");
    add_field(entry, "MESHGATE_CLIENT", words.client);
    add_field(entry, "MESHGATE_PORT", words.port);
    add_field(entry, "MESHGATE_PROTO", words.proto);
    if (!words.name.empty()) {
        add_field(entry, "MESHGATE_NAME", words.name);
        add_field(entry, "MESHGATE_TYPE", words.type);
        add_field(entry, "MESHGATE_CLASS", words.qclass);
    }
    add_field(entry, "MESHGATE_RCODE", words.rcode);
    add_field(entry, "MESHGATE_SOURCE", words.source);
    add_field(entry, "MESHGATE_BYTES", words.bytes);
    add_field(entry, "MESHGATE_MICROSECONDS", words.microseconds);
    return entry;
}

}  // namespace meshgate::dnsd
