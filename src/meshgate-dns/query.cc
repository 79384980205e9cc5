#include "dns/records/query.h"
#include "conf/load.h"
#include "src/common/log.h"
#include "src/meshgate-dns/dns_client.h"
#include "src/meshgate-dns/listen_addresses.h"
#include "src/meshgate-dns/verbs.h"

#include <iostream>

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

}  // namespace

ExitCode query(const Invocation& invocation) {
    const std::string& name = invocation.arguments[0];
    const std::string type = invocation.arguments.size() > 1 ? invocation.arguments[1] : "A";
    const auto question = dns::records::make_query(name, type);
    const conf::Loaded loaded = conf::load_or_default(invocation.config);
    const conf::SocketAddress server = server_address(loaded.config);
    const auto reply = ask_dns(server, question);
    if (!reply) {
        log::error("nobody answers at " + server.to_string() + ": not running");
        return ExitCode::absent;
    }
    const auto answer = dns::records::read_reply(*reply);
    for (const std::string& value : answer.values) std::cout << value << '\n';
    if (answer.rcode == "NOERROR" && !answer.values.empty()) return ExitCode::done;
    std::string outcome = name + " " + type + ": " + answer.rcode;
    if (answer.rcode == "NOERROR") outcome += ", no answer of this type";
    for (const std::string& why : answer.extended_errors) outcome += ", " + why;
    log::error(outcome);
    return ExitCode::failed;
}

}  // namespace meshgate::dnsd
