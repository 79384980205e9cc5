#pragma once

#include "netfilter/nftnl/base_chains.h"
#include "netfilter/ruleset/evaluate.h"
#include "src/meshgate-redirect/probe.h"

#include <string>
#include <vector>

namespace meshgate::redirect {

/// Where a packet goes, and why.
struct Explanation {
    bool from_installed = true;  ///< by the rules in the kernel; else by those of the configuration
    Routed routed;
    netfilter::Outcome outcome;
    std::string service;  ///< whose virtual address it is; empty: nobody's, or it is not known
    std::vector<netfilter::SeenChain> chains;  ///< all that see it, ours among them
    bool has_legacy_iptables = false;          ///< tables that nothing here can look into
};

/// Sentences for a person, a line each.
std::string to_text(const Explanation& explanation);

/// Schema "meshgate-redirect.explain/1", on one line.
std::string to_json(const Explanation& explanation);

}  // namespace meshgate::redirect
