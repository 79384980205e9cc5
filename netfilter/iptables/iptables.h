#pragma once

#include "conf/config.h"
#include "netfilter/iptables/programs.h"
#include "netfilter/iptables/saved.h"
#include "netfilter/ruleset/installed.h"
#include "netfilter/ruleset/kernel_error.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace meshgate::netfilter {

/// The rules of this network namespace as iptables has them, by its programs.
///
/// Each table of each family is changed in one transaction, but there are up to six of them: raw
/// first, nat last. What is left when that is interrupted is seen as such by read(), and the next
/// replace() or remove() ends it.
class Iptables {
public:
    /// Our part of what one back end holds, IPv4 and IPv6.
    struct Ours {
        std::vector<TableWords> ipv4, ipv6;
        Counters counted4{}, counted6{};  ///< what they had counted when they were read
        friend bool operator==(const Ours& a, const Ours& b) {
            return a.ipv4 == b.ipv4 && a.ipv6 == b.ipv6;
        }
        [[nodiscard]] bool empty() const noexcept { return ipv4.empty() && ipv6.empty(); }
    };
    /// All that is ours, verbatim.
    using Kept = std::vector<std::pair<conf::IptablesBackend, Ours>>;

    /// @param loopback  name of the loopback device
    Iptables(conf::IptablesBackend wanted, std::string loopback);

    /// What is ours, of either back end. Runs a program only where there may be something.
    /// @throws KernelError
    std::optional<Installed> read();

    /// What is counted of ours, by cause, in both back ends and families. Each rule counts for
    /// itself, so the rules are listed for it.
    /// @throws KernelError
    Counters counters();

    /// `ruleset` as read() would find it.
    /// @throws Inexpressible
    [[nodiscard]] Ruleset form_of(const Ruleset& ruleset) const;

    /// Makes `ruleset` all that is ours; puts back what was there when that fails. What was counted
    /// goes on, less what is counted between the look at the old rules and their end.
    /// @throws KernelError, Inexpressible
    void replace(const Ruleset& ruleset, const Ownership& ownership);

    /// @return false when there was nothing. @throws KernelError
    bool remove();

    /// What there is of ours, for put_back(). @throws KernelError
    Kept keep();
    /// Makes it all that is ours. @throws KernelError
    void put_back(const Kept& kept);

    /// Loads the rules where no packet meets them and takes them away again. Settles which back end
    /// is used: the one asked for, the one that holds something of ours, the one that `iptables`
    /// means, the other one. Empty when it takes them.
    std::optional<KernelError> trial(const Ruleset& ruleset);

private:
    [[nodiscard]] SavedRules saved(const IptablesPrograms& programs, Family family,
                                   const Presence& presence) const;
    [[nodiscard]] Ours ours(const IptablesPrograms& programs) const;
    [[nodiscard]] Ours wanted(const Ruleset& ruleset, std::string_view prefix) const;
    void change(const IptablesPrograms& programs, const Ours& before, const Ours& after) const;
    void change_or_undo(const IptablesPrograms& programs, const Ours& after) const;
    std::optional<KernelError> trial(const IptablesPrograms& programs, const Ours& rules) const;
    std::vector<IptablesPrograms>& programs();

    std::string loopback_;
    conf::IptablesBackend wanted_;
    bool has_ipv6_;                           ///< else there is no table to put its rules in
    std::vector<IptablesPrograms> programs_;  ///< once they were looked for: the one to use first
};

}  // namespace meshgate::netfilter
