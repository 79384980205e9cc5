#pragma once

#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/surroundings.h"
#include "netfilter/plan/plan.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::redirect {

inline constexpr const char* table_name = "meshgate";

/// The capture as this network namespace has it: the table, and what is beside it.
class Capture {
public:
    /// @throws Unsupported when the kernel has no nf_tables; netfilter::KernelError,
    ///         std::system_error
    Capture();

    [[nodiscard]] const std::optional<netfilter::Installed>& installed() const noexcept {
        return installed_;
    }
    /// A table of our name that somebody else made: not to be replaced nor removed.
    [[nodiscard]] bool is_foreign() const noexcept { return installed_ && !installed_->ownership; }
    /// The rules are not those that were installed, whatever the configuration says.
    [[nodiscard]] bool was_changed() const;
    /// The table and what is beside it are exactly what install would make.
    bool is(const netfilter::Plan& plan);

    /// Makes it so. When the table is refused, nothing that was done here stays.
    /// @return what was done or left out beside the table, a line each.
    std::vector<std::string> replace(const netfilter::Plan& plan);

    /// @return true when there was something.
    bool remove();

    netfilter::Kernel& kernel() noexcept { return kernel_; }
    netfilter::SurroundingsApplier& surroundings() noexcept { return surroundings_; }

private:
    netfilter::Kernel kernel_;
    netfilter::SurroundingsApplier surroundings_;
    std::optional<netfilter::Installed> installed_;
};

}  // namespace meshgate::redirect
