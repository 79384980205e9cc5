#pragma once

#include "netfilter/iptables/other_mesh.h"
#include "netfilter/iptables/programs.h"

#include <string>
#include <vector>

namespace meshgate::netfilter {

/// The captures of other meshes in this network namespace, in either back end of iptables and in
/// tables of nftables.
class OtherCaptures {
public:
    /// Looks. Runs a program of iptables only where the kernel knows chains of such names.
    /// @throws KernelError
    OtherCaptures();

    [[nodiscard]] bool empty() const noexcept { return found_.empty() && tables_.empty(); }

    /// "Kuma (iptables-nft, IPv4 and IPv6), Istio (nftables)".
    [[nodiscard]] std::string names() const;

    /// The commands that take them away, as their users know them; empty when there is none.
    [[nodiscard]] std::string removals() const;

    /// Takes away what sorts their DNS into zones of conntrack. It has to go before ours comes: it
    /// would have the answers to our questions looked up where they are not. Meanwhile theirs
    /// captures without zones; a question that is on its way at this moment has to be asked again.
    /// @throws KernelError
    void remove_zones();
    /// Undoes that.
    void put_zones_back();

    /// Takes their rules away and nothing else, each table in one transaction, what captures first.
    /// @throws KernelError
    void remove();

private:
    struct Found {
        const OtherMesh* mesh;
        IptablesPrograms programs;
        Family family;
        std::vector<TableWords> zones;  ///< table raw, while it is there
        std::vector<TableWords> words;  ///< the other tables
        std::vector<TableWords> taken;  ///< the zones, once they are away
    };
    void look_into(const IptablesPrograms& programs, Family family);

    std::vector<Found> found_;
    std::vector<std::string> tables_;  ///< of nftables: Istio's
};

}  // namespace meshgate::netfilter
