#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Words to a query and a reply to words, by ldns: for a person at the command line, never inside
/// the server.
namespace meshgate::dns::records {

/// A recursive query with a random id and EDNS at 1232 bytes.
/// @throws std::runtime_error for a name or a type that is none ("TYPE65280" is one).
std::vector<std::uint8_t> make_query(std::string_view name, std::string_view type);

/// The answer section as dig +short shows it.
struct ReplyText {
    std::string rcode;                         ///< "NOERROR", "NXDOMAIN"; with EDNS's upper bits
    std::vector<std::string> values;           ///< RDATA in zone-file words, in the order received
    std::vector<std::string> extended_errors;  ///< RFC 8914: "extended error 22: text"
};

/// @throws std::runtime_error for bytes that are no message.
ReplyText read_reply(std::span<const std::uint8_t> reply);

}  // namespace meshgate::dns::records
