#pragma once

#include "conf/config.h"
#include "conf/load.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::dns::naming {

/// A name and port that a VirtualOutbound makes of something with tags.
struct MadeOutbound {
    std::string host;  ///< lower case, no trailing dot
    conf::Port port = 0;
    conf::Tags tags;  ///< those that the templates see: what it leads to
    const conf::VirtualOutbound* by = nullptr;
};

/// The policies of a configuration, ready to be matched against tags.
class VirtualOutbounds {
public:
    /// @param policies  outlive this.
    /// @throws conf::Error for templates that make no name and port of any tags
    explicit VirtualOutbounds(const std::vector<conf::VirtualOutbound>& policies);
    VirtualOutbounds(VirtualOutbounds&&) noexcept;
    ~VirtualOutbounds();

    /// What those that match make of `tags`: the most specific selector first, of equal ones the
    /// newest policy. What makes no name or port here is a line in `faults`.
    [[nodiscard]] std::vector<MadeOutbound> make(const conf::Tags& tags,
                                                 std::vector<conf::Diagnostic>& faults) const;

private:
    struct Policy;
    std::vector<Policy> policies_;
};

}  // namespace meshgate::dns::naming
