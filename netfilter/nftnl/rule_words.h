#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace meshgate::netfilter {

/// A rule of whoever's, as far as it can be said in words.
struct RuleWords {
    std::string text;     ///< nft's for what we write ourselves, else what it consists of
    std::string comment;  ///< nft's or iptables'
};

/// The rule with that handle; none when it is gone.
/// @param family  "inet", "ip", "ip6"
/// @throws std::system_error
std::optional<RuleWords> words_of_rule(const std::string& family, const std::string& table,
                                       const std::string& chain, std::uint64_t handle);

}  // namespace meshgate::netfilter
