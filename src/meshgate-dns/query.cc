#include "dns/records/query.h"
#include "conf/load.h"
#include "src/common/log.h"
#include "src/meshgate-dns/admin_client.h"
#include "src/meshgate-dns/dns_client.h"
#include "src/meshgate-dns/endpoints.h"
#include "src/meshgate-dns/hex.h"
#include "src/meshgate-dns/json.h"
#include "src/meshgate-dns/listen_addresses.h"
#include "src/meshgate-dns/trace_view.h"
#include "src/meshgate-dns/verbs.h"

#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace meshgate::dnsd {
namespace {

/// Where the server can be asked: the first address it listens on; a wildcard by loopback.
conf::SocketAddress server_address(const conf::Config& config) {
    const auto addresses = listen_addresses(config.dns.listen);
    if (addresses.empty()) throw std::runtime_error("dns.listen is empty: there is nobody to ask");
    conf::SocketAddress address = addresses.front();
    if (address.address.is_unspecified()) {
        const bool v4 = address.address.family() == conf::Family::ipv4;
        address.address = conf::IpAddress::parse(v4 ? "127.0.0.1" : "::1").value();
    }
    return address;
}

struct Asked {
    std::string name, type;
    std::vector<std::uint8_t> query;
};

Asked make_question(const Invocation& invocation) {
    Asked asked{invocation.arguments[0],
                invocation.arguments.size() > 1 ? invocation.arguments[1] : "A",
                {}};
    asked.query = dns::records::make_query(asked.name, asked.type);
    return asked;
}

/// What came of it: always the reply, the way there only where it was asked for.
struct Told {
    dns::records::ReplyText reply;
    std::optional<TraceView> trace;
};

std::optional<Told> ask_as_client(const Asked& asked, const conf::Config& config) {
    const conf::SocketAddress server = server_address(config);
    const auto reply = ask_dns(server, asked.query);
    if (!reply) {
        log::error("nobody answers at " + server.to_string() + ": not running");
        return std::nullopt;
    }
    return Told{dns::records::read_reply(*reply), std::nullopt};
}

std::optional<Told> ask_with_trace(const Asked& asked, const conf::Config& config) {
    const std::string path = std::string{trace_path} + "/" + to_hex(asked.query);
    const auto answer = ask_admin(config.dns, path, "POST");
    if (!answer) {
        log::error("not running");
        return std::nullopt;
    }
    Told told{{}, parse_trace(answer->body)};
    told.reply = dns::records::read_reply(told.trace->reply);
    return told;
}

bool is_answer(const Told& told) {
    return told.reply.rcode == "NOERROR" && !told.reply.values.empty();
}

std::string json_list(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + json_string(text);
    return out + "]";
}

std::string json_of(const Asked& asked, const Told& told) {
    std::string out = "{\"schema\":\"meshgate-dns.query/1\",\"name\":" + json_string(asked.name) +
                      ",\"type\":" + json_string(asked.type) +
                      ",\"rcode\":" + json_string(told.reply.rcode) +
                      ",\"values\":" + json_list(told.reply.values) +
                      ",\"extended_errors\":" + json_list(told.reply.extended_errors);
    if (told.trace) {
        std::string trace = to_json(*told.trace);
        trace.pop_back();  // the end of its line
        out += ",\"trace\":" + trace;
    }
    return out + "}\n";
}

void print(const Asked& asked, const Told& told) {
    for (const std::string& value : told.reply.values) std::cout << value << '\n';
    if (told.trace) std::cout << to_text(*told.trace);
    if (is_answer(told)) return;
    std::string outcome = asked.name + " " + asked.type + ": " + told.reply.rcode;
    if (told.reply.rcode == "NOERROR") outcome += ", no answer of this type";
    for (const std::string& why : told.reply.extended_errors) outcome += ", " + why;
    log::error(outcome);
}

}  // namespace

ExitCode query(const Invocation& invocation) {
    const Asked asked = make_question(invocation);
    const conf::Loaded loaded = conf::load_or_default(invocation.config);
    const auto told = invocation.trace ? ask_with_trace(asked, loaded.config)
                                       : ask_as_client(asked, loaded.config);
    if (!told) return ExitCode::absent;
    if (invocation.json) {
        std::cout << json_of(asked, *told);
    } else {
        print(asked, *told);
    }
    return is_answer(*told) ? ExitCode::done : ExitCode::failed;
}

}  // namespace meshgate::dnsd
