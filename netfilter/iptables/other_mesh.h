#pragma once

#include "conf/address.h"
#include "netfilter/iptables/table_words.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The captures of other service meshes, as iptables-save(8) shows them.
namespace meshgate::netfilter {

struct OtherMesh {
    std::string_view name;                     ///< "Kuma"
    std::span<const std::string_view> chains;  ///< what the names of its chains begin with
    std::string_view comment;                  ///< what the comments of its rules begin with
    std::string_view removal;                  ///< the command that its users know for it
};

/// Kuma and Kong Mesh, Istio, Linkerd.
std::span<const OtherMesh> other_meshes();

/// All of what begins the names of their chains.
std::span<const std::string_view> other_chain_prefixes();

/// What one of them has there, in the words in which it is taken away: its chains, their rules, and
/// its rules in the chains of others. Those are what leads to its chains, what has its comment,
/// and, where it writes no comments, what redirects to its ports and sorts DNS into zones. A plain
/// RETURN or DROP without a comment may be anybody's and is left. Tables in no order.
std::vector<TableWords> rules_of(const OtherMesh& mesh, std::string_view saved);

}  // namespace meshgate::netfilter
