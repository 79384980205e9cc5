#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::netfilter {

inline constexpr std::uint16_t table_format =
    1;  ///< of the table's userdata and layout; an older one is replaced and removed all the same

/// What the table's userdata says of its origin.
struct Ownership {
    std::uint16_t format = table_format;
    std::string version;  ///< of the program that installed it
    std::string digest;   ///< of the planned ruleset
};

/// A table named like ours as the kernel holds it.
struct Installed {
    std::optional<Ownership> ownership;  ///< none: a foreign table of our name
    Ruleset ruleset;  ///< read back rule by rule; what this program could not have written is in
                      ///< `unknown`
    std::vector<std::string>
        unknown;  ///< one line for each object in the table that the model cannot express
};

/// The kernel refused: which object, what it said.
class KernelError : public std::runtime_error {
public:
    KernelError(std::string object, int error, std::string_view extended);
    [[nodiscard]] int error() const noexcept { return error_; }  ///< errno
    [[nodiscard]] const std::string& object() const noexcept {
        return object_;
    }  ///< "rule 'tcp dport 53 ...' in chain output"

private:
    std::string object_;
    int error_;
};

/// nf_tables of the network namespace that this object was made in, over one netlink socket. Not
/// thread-safe.
class Kernel {
public:
    Kernel();  ///< @throws std::system_error (EPERM is found at the first change, not here)
    ~Kernel();
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;

    /// Makes `ruleset` the content of its table, whatever was there: each packet meets the whole of
    /// the old or the whole of the new. The old stays in force on error.
    /// @throws KernelError
    void replace(const Ruleset& ruleset, const Ownership& ownership);

    /// Removes the table. @return false when there was none.
    bool remove(std::string_view table);

    /// Reads the table back. Empty when there is none.
    std::optional<Installed> read(std::string_view table);

    /// Tries the whole ruleset in a transaction under another name that is rolled back or removed
    /// at once; says what the kernel lacks. Empty when it takes it.
    std::optional<KernelError> trial(const Ruleset& ruleset);

private:
    struct Socket;
    std::unique_ptr<Socket> socket_;
};

}  // namespace meshgate::netfilter
