#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A ruleset as it was found in the kernel, and whose it is.
namespace meshgate::netfilter {

/// Of the marks and the layout; an older one is replaced and removed all the same. 2: causes are
/// counted by name.
inline constexpr std::uint16_t table_format = 2;

/// What our mark in the kernel says of its origin.
struct Ownership {
    std::uint16_t format = table_format;
    std::string version;  ///< of the program that installed it
    std::string digest;   ///< of the planned ruleset, as the engine reads it back
    std::string confirm{};  ///< one word; not empty: to be confirmed, else the previous rules come
                            ///< back. In marks of iptables only: a table's has no room for it

    friend bool operator==(const Ownership&, const Ownership&) = default;
};

/// Rules of our name as the kernel holds them.
struct Installed {
    std::optional<Ownership> ownership;  ///< none: a foreign table of our name
    Ruleset ruleset;  ///< read back rule by rule; what this program could not have written is in
                      ///< `unknown`
    std::vector<std::string>
        unknown;  ///< one line for each object in the table that the model cannot express

    bool is_held = false;      ///< by a guard: nobody else can change it
    bool dns_is_open = false;  ///< the set `open_dns_set` is not empty

    friend bool operator==(const Installed&, const Installed&) = default;
};

/// "meshgate format=1 version=0.1.0 digest=00ff...": the comment that marks what is ours.
std::string ownership_words(const Ownership& ownership);

/// None when the words are not such a mark. Words of a later format are passed over.
std::optional<Ownership> parse_ownership(std::string_view words);

}  // namespace meshgate::netfilter
