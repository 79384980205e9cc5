#pragma once

#include "dns/server/pending_clients.h"
#include "dns/server/resolver.h"
#include "dns/server/trace_report.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace meshgate::dns::server {

/// Asks the resolver as a client of this machine does over TCP, for a person who wants to know what
/// becomes of a question (`query --trace`).
class Tracer final : public Transport {
public:
    explicit Tracer(Resolver& resolver);

    /// `done` is called once, perhaps from within; not at all when the worker ends before, or when
    /// as many as asked_max wait for upstreams.
    void ask(std::span<const std::uint8_t> query, TraceDone done);

    static constexpr std::size_t asked_max = 64;

    void deliver(const Client& client, std::uint64_t ticket, Source source,
                 std::span<const std::uint8_t> reply) noexcept override;

private:
    struct Asked {
        std::uint64_t ticket;
        TraceReport report;
        std::shared_ptr<forward::Trace> trace;
        TraceDone done;
    };

    static void finish(Asked asked, Source source, std::span<const std::uint8_t> reply);

    Resolver& resolver_;
    std::vector<Asked> asked_;
    std::vector<std::uint8_t> answer_;  ///< one largest message, from the first use on
};

}  // namespace meshgate::dns::server
