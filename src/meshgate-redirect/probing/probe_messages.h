#pragma once

#include "conf/ranges.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// What probes say, and what is answered. A server that is no listener of ours may read it.
namespace meshgate::redirect {

/// What probe `number` sends: a line of text, or a question of DNS, over TCP with its length. Nobody
/// passes the question on: it asks the server who it is (version.bind in class CHAOS), or, with a
/// name, for an address in the mesh.
std::string probe_message(std::size_t number, bool speaks_dns, conf::Protocol protocol,
                          std::string_view name);

/// The number of the probe that has sent this; none of anybody else's message.
std::optional<std::size_t> number_of_probe(std::string_view message, conf::Protocol protocol);

/// What a listener of ours answers: to a question an answer without records.
std::string answer_to(std::string_view message, conf::Protocol protocol);

/// What a server answered to a question of DNS; none when it is no answer.
struct DnsAnswer {
    unsigned rcode = 0;
    unsigned records = 0;
};
std::optional<DnsAnswer> parse_dns_answer(std::string_view message, conf::Protocol protocol);

}  // namespace meshgate::redirect
