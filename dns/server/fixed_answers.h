#pragma once

#include "dns/wire/question.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace meshgate::dns::server {

/// An answer of a return code and nothing else, for questions of a kind.
struct FixedAnswer {
    std::vector<std::uint8_t> suffix;  ///< in lower-case wire form, of the names that it is for
    std::uint16_t qclass = wire::qclass::any;  ///< any: each
    std::uint16_t qtype = wire::type::any;     ///< any: each
    std::optional<wire::Rcode> rcode;          ///< none: such questions are left to what comes next
    bool authoritative = false;                ///< AA

    friend bool operator==(const FixedAnswer&, const FixedAnswer&) = default;
};

/// Answers that need no look at any data: the zones nobody may ask here, and the types that are not
/// there. The first of a list that is for a question decides.
struct FixedAnswers {
    using List = std::vector<FixedAnswer>;

    List before_names;  ///< asked before the table of names
    List behind_names;  ///< asked for what the table does not have

    /// @return null when the list has nothing for the question.
    static const FixedAnswer* find(const List& list, const wire::Question& question) noexcept;

    friend bool operator==(const FixedAnswers&, const FixedAnswers&) = default;
};

}  // namespace meshgate::dns::server
