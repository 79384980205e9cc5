#include "netfilter/nftnl/kernel.h"

#include "netfilter/nftnl/batch.h"
#include "netfilter/nftnl/counters.h"
#include "netfilter/nftnl/element_update.h"
#include "netfilter/nftnl/filling.h"
#include "netfilter/nftnl/messages.h"
#include "netfilter/nftnl/netlink.h"
#include "netfilter/nftnl/read.h"
#include "netfilter/nftnl/replacement.h"
#include "netfilter/nftnl/standstill.h"

#include <linux/netlink.h>

#include <cerrno>
#include <exception>
#include <utility>
#include <vector>

namespace meshgate::netfilter {

namespace {

constexpr std::string_view trial_suffix = "-trial";

void commit(Netlink& netlink, Batch& batch) {
    if (auto refusal = batch.run(netlink)) throw KernelError{*std::move(refusal)};
}

}  // namespace

struct Kernel::Socket {
    Netlink netlink{NETLINK_NETFILTER};
    Held held = Held::no;
    std::optional<Seen> seen;  ///< a table with maps, the last that was read: it may be large
};

namespace {

/// By a table without a chain that is made so, dormant, and woken, all in a transaction that never
/// comes into force: nothing can be left behind. A kernel that does not know a flag says EOPNOTSUPP
/// or, before 5.12, EINVAL.
bool can_hold(Netlink& netlink) {
    const std::string name = "meshgate-hold-trial-" + std::to_string(netlink.port());
    const Ruleset nothing{.table = name, .sets = {}, .chains = {}};
    Batch trial;
    append_ruleset(trial, nothing,
                   {.table = name, .state = TableState::dormant, .held = Held::yes});
    append_waking(trial, name, Held::yes);
    const auto refusal = trial.try_out(netlink);
    if (refusal && refusal->error() != EOPNOTSUPP && refusal->error() != EINVAL) {
        throw KernelError{*refusal};
    }
    return !refusal;
}

}  // namespace

Kernel::Kernel(Held held) : socket_(std::make_unique<Socket>()) {
    if (held == Held::yes && can_hold(socket_->netlink)) socket_->held = Held::yes;
}

bool Kernel::holds() const noexcept {
    return socket_->held == Held::yes;
}

std::uint32_t Kernel::port() const noexcept {
    return socket_->netlink.port();
}

std::uint32_t Kernel::holder(std::string_view table) {
    return table_owner(socket_->netlink, table);
}

bool Kernel::claim(std::string_view table) {
    if (!holds()) return false;
    // Else it would be made: the kernel has one message for both.
    Batch batch{generation(socket_->netlink)};
    if (presence(socket_->netlink, table) != TablePresence::active) return false;
    append_claim(batch, table);
    return !batch.run(socket_->netlink);
}

bool Kernel::update_elements(const Ruleset& before, const Ruleset& after) {
    if (before == after) return true;
    Batch batch;
    if (!append_element_changes(batch, before, after)) return false;
    commit(socket_->netlink, batch);
    update_maps(socket_->netlink, before, after);
    return true;
}

Kernel::~Kernel() = default;

void Kernel::replace(const Ruleset& ruleset, const Ownership& ownership,
                     const std::function<void()>& before_first) {
    auto& [netlink, held, seen] = *socket_;
    const bool has_maps = !ruleset.class_maps.empty();
    if (has_maps && netfilter::update_elements(netlink, ruleset, ownership, held, seen)) return;
    replace_table(socket_->netlink, ruleset, ownership, before_first, socket_->held);
}

void Kernel::put_dormant(const Ruleset& ruleset, const Ownership& ownership,
                         std::string_view last) {
    auto& netlink = socket_->netlink;
    auto begin = with_few_elements(ruleset, 0);
    std::erase_if(begin.chains, [last](const Chain& chain) { return chain.name == last; });
    Batch batch;
    if (presence(netlink, ruleset.table) != TablePresence::absent) {
        append_removal(batch, ruleset.table);
    }
    append_ruleset(batch, begin,
                   {.table = ruleset.table, .state = TableState::dormant, .ownership = &ownership});
    commit(netlink, batch);
    try {
        fill_maps(netlink, ruleset.table, ruleset);
        verify_elements(netlink, ruleset.table, ruleset);
        Batch end;
        for (const auto& chain : ruleset.chains) {
            if (chain.name == last) append_chain(end, ruleset.table, chain);
        }
        commit(netlink, end);
    } catch (const std::exception&) {
        Batch removal;
        append_removal(removal, ruleset.table);
        static_cast<void>(removal.run(netlink));  // what went wrong before is what there is to tell
        throw;
    }
}

bool Kernel::remove(std::string_view table) {
    const auto remove_one = [this](const std::string& name) {
        Batch batch;
        append_removal(batch, name);
        const auto refusal = batch.run(socket_->netlink);
        if (refusal && refusal->error() != ENOENT) throw KernelError{*refusal};
        return !refusal;
    };
    const std::string name{table};
    const bool was_there = remove_one(name);
    const bool had_bridge = remove_one(bridge_name(table));
    static_cast<void>(remove_one(name + std::string{trial_suffix}));  // of a trial that could not be ended
    return was_there || had_bridge;
}

bool Kernel::remove(std::string_view table, std::string_view digest) {
    Standstill standstill;
    do {
        Batch batch{generation(socket_->netlink)};
        const auto ownership = table_ownership(socket_->netlink, table);
        if (!ownership || ownership->digest != digest) return false;
        append_removal(batch, table);
        const auto refusal = batch.run(socket_->netlink);
        if (!refusal) return true;
        if (refusal->error() != ERESTART) throw KernelError{*refusal};
    } while (standstill.wait());
    throw KernelError{"table inet " + std::string{table}, EAGAIN,
                      "the ruleset does not stand still"};
}

void Kernel::update_vips(std::string_view table, std::span<const VipUpdate> updates) {
    netfilter::update_vips(socket_->netlink, table, updates);
}

std::optional<Installed> Kernel::read(std::string_view table) {
    std::uint32_t at = 0;
    auto found = read_table(socket_->netlink, table, &at);
    if (found && !found->ruleset.class_maps.empty()) socket_->seen = Seen{at, *found};
    return found;
}

Counters Kernel::counters(std::string_view table) {
    return read_counters(socket_->netlink, table);
}

// A transaction without its end message (`nft --check`) is rolled back without the validation of
// chains against their hooks: a redirect outside of nat passes there. So the table is really made,
// dormant: its hooks see no packet.
std::optional<KernelError> Kernel::trial(const Ruleset& ruleset) {
    const auto name = ruleset.table + std::string{trial_suffix};
    Batch creation;
    try {
        if (presence(socket_->netlink, name) != TablePresence::absent)
            append_removal(creation, name);
    } catch (const KernelError& error) {
        return error;
    }
    // What it lacks it lacks for one element as for many.
    const auto few = with_few_elements(ruleset, 100);
    append_ruleset(creation, few,
                   {.table = name, .state = TableState::dormant, .ownership = nullptr});
    if (auto refusal = creation.run(socket_->netlink)) return refusal;
    Batch removal;
    append_removal(removal, name);
    return removal.run(socket_->netlink);
}

}  // namespace meshgate::netfilter
