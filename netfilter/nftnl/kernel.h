#pragma once

#include "netfilter/nftnl/held.h"
#include "netfilter/ruleset/counters.h"
#include "netfilter/ruleset/installed.h"
#include "netfilter/ruleset/kernel_error.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace meshgate::netfilter {

/// nf_tables of the network namespace that this object was made in, over one netlink socket. Not
/// thread-safe.
class Kernel {
public:
    /// @param held  nobody else may change what it makes, as long as it lives and after that until
    ///              somebody claims it; where the kernel cannot (before Linux 6.9), nothing is held
    /// @throws std::system_error (EPERM is found at the first change, not here)
    explicit Kernel(Held held = Held::no);
    ~Kernel();
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;

    /// Makes `ruleset` the content of its table, whatever was there: each packet meets the whole of
    /// the old or the whole of the new. The old stays in force on error.
    /// @param before_first  called when the kernel tracks connections for the rules but none of
    ///                      them is in force, old or new; not called while old ones are.
    /// @throws KernelError
    void replace(const Ruleset& ruleset, const Ownership& ownership,
                 const std::function<void()>& before_first = {});

    /// Nobody else can change what this object makes.
    [[nodiscard]] bool holds() const noexcept;
    /// The netlink port of the socket that alone may change the table; 0: no socket.
    std::uint32_t holder(std::string_view table);
    /// By which the kernel names this object to whoever hears of changes.
    [[nodiscard]] std::uint32_t port() const noexcept;
    /// Makes a table that its holder has left behind this object's, without touching a rule.
    /// @return false when it is no such table
    bool claim(std::string_view table);
    /// Changes elements of sets and of maps: what is in both stays all the time.
    /// @return false when more than elements differs: nothing was done. @throws KernelError
    bool update_elements(const Ruleset& before, const Ruleset& after);

    /// Makes `ruleset` the content of its table, which no packet meets (dormant): a record, whole once
    /// it has the chain `last`, which no other rule or map names.
    /// @throws KernelError; there is no such table then
    void put_dormant(const Ruleset& ruleset, const Ownership& ownership, std::string_view last);

    /// Removes the table. @return false when there was none.
    bool remove(std::string_view table);
    /// The same, as long as it is the table of that digest.
    bool remove(std::string_view table, std::string_view digest);

    /// Makes single ports of VIPs what `updates` say, by one transaction of what differs, whatever
    /// the size of the maps. For whoever watches endpoints; an installation at the same time
    /// is to be kept away (src/meshgate-redirect/turn.h), for it would not know of them.
    /// @throws KernelError; ENOENT when there is no such table, map or chain
    void update_vips(std::string_view table, std::span<const VipUpdate> updates);

    /// Reads the table back. Empty when there is none.
    std::optional<Installed> read(std::string_view table);

    /// What the table has counted, by cause, without listing a rule. Never less than before, not
    /// during a replacement either, unless the table was removed or the rules of a cause are gone.
    /// Empty when there is no table, or one that counts nothing by name.
    /// @throws KernelError
    Counters counters(std::string_view table);

    /// Tries the ruleset under another name, with some of the elements of its maps, and removes it at
    /// once; says what the kernel lacks. Empty when it takes it.
    std::optional<KernelError> trial(const Ruleset& ruleset);

private:
    struct Socket;
    std::unique_ptr<Socket> socket_;
};

}  // namespace meshgate::netfilter
