#pragma once

#include "conf/address.h"
#include "dns/forward/exchange.h"
#include "dns/forward/health.h"
#include "dns/wire/question.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace meshgate::dns::forward {

/// What became of one question on its way upstream, step by step: for a person who wants to know.
/// Filled on the worker's thread, read once the question is over.
class Trace {
public:
    enum class What : std::uint8_t {
        joined,       ///< the same question was on its way already; its reply serves this one too
        asked,        ///< a server
        asked_plain,  ///< a server, without EDNS
        silent,       ///< the server has not replied in time; it still may
        unreachable,  ///< the server refused the packet, or the way to it is closed
        replied,      ///< the server, with `rcode`
        truncated,    ///< the server, with TC: again over TCP
        other_case,   ///< the server, with other letters than it was sent: not believed
        fell_over,    ///< from here on those servers are asked that are for such replies
        nobody,       ///< no server is configured for this name
        expired       ///< the time for it is over
    };

    struct Step {
        Clock::time_point at;
        What what = What::nobody;
        Transport transport = Transport::udp;
        wire::Rcode rcode = wire::Rcode::noerror;  ///< of replied
        conf::SocketAddress server;                ///< of asked to other_case
    };

    static constexpr std::size_t steps_max = 32;

    /// What comes after the last place is left out.
    void add(const Step& step) noexcept;

    [[nodiscard]] std::span<const Step> steps() const noexcept { return {steps_.data(), count_}; }

private:
    std::array<Step, steps_max> steps_;
    std::size_t count_ = 0;
};

}  // namespace meshgate::dns::forward
