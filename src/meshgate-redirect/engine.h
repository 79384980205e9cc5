#pragma once

#include "conf/config.h"
#include "netfilter/iptables/iptables.h"
#include "netfilter/nftnl/held.h"
#include "netfilter/ruleset/counters.h"
#include "netfilter/ruleset/installed.h"
#include "netfilter/ruleset/kernel_error.h"

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>

namespace meshgate::redirect {

inline constexpr const char* table_name = "meshgate";

/// This machine cannot do what the configuration asks for. Exit code 1.
class Unsupported : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What an engine held at some time.
struct Kept {
    std::optional<netfilter::Installed> table;  ///< of nftables
    netfilter::Iptables::Kept words;            ///< of iptables

    [[nodiscard]] bool empty() const noexcept { return !table && words.empty(); }
};

/// What can hold the rules of this network namespace: nf_tables, or iptables for those who have no
/// other or must see it. All throw netfilter::KernelError and std::system_error.
class Engine {
public:
    Engine() = default;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    virtual ~Engine() = default;

    [[nodiscard]] virtual std::string_view name() const noexcept = 0;  ///< "nftables", "iptables"

    /// What is there of our name.
    virtual std::optional<netfilter::Installed> read() = 0;

    /// What the rules have counted so far, by cause; empty when there are none.
    virtual netfilter::Counters counters() = 0;

    /// `ruleset` as read() finds it once it is installed.
    virtual netfilter::Ruleset form_of(const netfilter::Ruleset& ruleset) = 0;

    /// What the kernel, or the program between, has against the rules; empty when it takes them.
    virtual std::optional<netfilter::KernelError> trial(const netfilter::Ruleset& ruleset) = 0;

    /// The old rules stay in force on error.
    virtual void replace(const netfilter::Ruleset& ruleset,
                         const netfilter::Ownership& ownership) = 0;

    /// @return false when there was nothing.
    virtual bool remove() = 0;

    /// What there is of ours, to come back to.
    virtual Kept keep() = 0;
    /// Makes it so again.
    virtual void put_back(const Kept& kept) = 0;

    // What only nf_tables can, for a guard; elsewhere false, and nothing is done.

    /// Nobody else can change the rules that this object installs.
    [[nodiscard]] virtual bool holds() const noexcept { return false; }
    /// Makes rules that nobody holds any more its own, without touching them.
    virtual bool claim() { return false; }
    /// Changes the elements of sets, if nothing else differs.
    virtual bool update_elements(const netfilter::Ruleset& /*before*/,
                                 const netfilter::Ruleset& /*after*/) {
        return false;
    }
    /// Makes single ports of VIPs what the updates say (netfilter::Kernel::update_vips()).
    virtual bool update_vips(std::span<const netfilter::VipUpdate> /*updates*/) { return false; }
    /// That port of the kernel's news is this object.
    [[nodiscard]] virtual bool is_own_port(std::uint32_t /*port*/) const noexcept { return false; }

    /// Something is left beside the rules by a replacement that was killed.
    virtual bool has_remains() = 0;
};

inline constexpr const char* no_nf_tables =
    "this kernel has no nf_tables (CONFIG_NETFILTER, CONFIG_NF_TABLES)";

/// @param held  nobody else may change what it installs, where the kernel can have it so
/// @throws Unsupported on a kernel without nf_tables.
std::unique_ptr<Engine> nftables_engine(netfilter::Held held = netfilter::Held::no);

std::unique_ptr<Engine> iptables_engine(conf::IptablesBackend backend);

/// Of the loopback device, which the kernel makes first in every network namespace; somebody may
/// have renamed it.
std::string loopback_name();

}  // namespace meshgate::redirect
