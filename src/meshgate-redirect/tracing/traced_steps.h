#pragma once

#include "netfilter/nftnl/trace_event.h"
#include "src/meshgate-redirect/probe.h"

#include <string>
#include <vector>

namespace meshgate::redirect {

/// A step of the packet, with what the rule says.
struct TracedStep {
    netfilter::TraceEvent event;
    std::string text, comment;  ///< of the rule
    std::string in, out;        ///< names of interfaces
};

struct TracedWay {
    netfilter::TracedPacket sent;
    std::vector<TracedStep> steps;
    std::string end;  ///< "connected", "Connection refused", "no answer", ...
};

/// Sends one packet, the first of the connection or the question that `probe` asks for, and follows it
/// through the rules of everybody. It is really sent; one that arrives comes from a network
/// namespace of its own (ProbeSite), and what is answered goes there.
/// @throws netfilter::KernelError, std::system_error, UsageError
TracedWay follow(const Probe& probe);

/// A sentence for each step.
std::string to_text(const TracedWay& way);
/// Schema "meshgate-redirect.trace/1", on one line.
std::string to_json(const TracedWay& way);

}  // namespace meshgate::redirect
