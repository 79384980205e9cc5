#pragma once

#include "conf/config.h"
#include "netfilter/nftnl/base_chains.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::netfilter {

/// The programs of iptables that speak to one of its two back ends, nf_tables or the older
/// ip_tables. Each sees only the rules of its own.
struct IptablesPrograms {
    conf::IptablesBackend backend = conf::IptablesBackend::nft;
    std::string save, restore;    ///< paths, for IPv4
    std::string save6, restore6;  ///< for IPv6; empty where they are missing
};

/// Those of this machine, the one that `iptables` means first.
std::vector<IptablesPrograms> find_iptables();

/// Where rules may be whose chains have names that begin so, without asking the programs.
class Presence {
public:
    /// @param prefixes  static
    explicit Presence(std::span<const std::string_view> prefixes);

    [[nodiscard]] bool in(conf::IptablesBackend backend, Family family) const;
    [[nodiscard]] bool anywhere() const;
    /// All chains of nf_tables, as they were found.
    [[nodiscard]] const std::vector<ChainName>& chains() const noexcept { return chains_; }

private:
    std::span<const std::string_view> prefixes_;
    std::vector<ChainName> chains_;
};

/// `counted`: each rule begins with what it counted, "[12:720] -A ...".
enum class SavedForm : std::uint8_t { plain, counted };

/// What the program of that family prints.
/// @throws KernelError
std::string save_rules(const IptablesPrograms& programs, Family family, SavedForm form);

/// Has `--noflush` of that family load `text`; nothing for an empty one.
/// @throws KernelError  with what it says; EPERM without privilege.
void restore_rules(const IptablesPrograms& programs, Family family, std::string_view text);

}  // namespace meshgate::netfilter
