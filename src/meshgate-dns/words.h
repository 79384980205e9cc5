#pragma once

#include "dns/server/stats.h"
#include "dns/wire/question.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

/// The words that metrics, traces and the query log have in common.
namespace meshgate::dnsd {

/// In the order of dns::server::Source.
inline constexpr std::array<std::string_view, 5> source_words{"owned", "cache", "stale", "upstream",
                                                              "local"};

inline std::string_view source_word(dns::server::Source source) {
    return source_words[static_cast<std::size_t>(source)];
}

/// IANA's mnemonics (RFC 6895), RCODE12 to RCODE15 for those that have none there; the last one for
/// all above.
inline constexpr std::array<std::string_view, dns::server::rcode_count> rcode_words{
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",  "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",  "DSOTYPENI", "RCODE12", "RCODE13", "RCODE14",  "RCODE15",
    "BADVERS", "BADKEY",  "BADTIME",  "BADMODE",   "BADNAME", "BADALG",  "BADTRUNC", "OTHER"};

inline std::string_view rcode_word(dns::wire::Rcode rcode) {
    const auto number = static_cast<std::size_t>(rcode);
    return rcode_words[number < rcode_words.size() ? number : rcode_words.size() - 1];
}

}  // namespace meshgate::dnsd
