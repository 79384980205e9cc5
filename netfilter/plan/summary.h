#pragma once

#include "conf/config.h"
#include "netfilter/ruleset/ruleset.h"

#include <optional>
#include <vector>

namespace meshgate::netfilter {

/// What a ruleset of plan() captures, read off its rules: for what a kernel holds, whose
/// configuration nobody may know any more.
struct Summary {
    struct Dns {
        Port port = 0;
        conf::DnsCaptureMode capture = conf::DnsCaptureMode::resolv_conf;
        std::vector<Protocol> protocols;

        friend bool operator==(const Dns&, const Dns&) = default;
    };
    std::vector<Family> families;
    std::optional<Port> inbound;
    std::optional<Port> outbound;
    std::optional<Dns> dns;

    friend bool operator==(const Summary&, const Summary&) = default;
};

Summary summarize(const Ruleset& ruleset);

}  // namespace meshgate::netfilter
