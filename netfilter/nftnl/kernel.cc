#include "netfilter/nftnl/kernel.h"

#include "netfilter/nftnl/batch.h"
#include "netfilter/nftnl/messages.h"
#include "netfilter/nftnl/netlink.h"
#include "netfilter/nftnl/read.h"

#include <linux/netlink.h>

#include <cerrno>
#include <utility>

namespace meshgate::netfilter {

namespace {

constexpr std::string_view trial_suffix = "-trial";

}  // namespace

struct Kernel::Socket {
    Netlink netlink{NETLINK_NETFILTER};
};

Kernel::Kernel() : socket_(std::make_unique<Socket>()) {}

Kernel::~Kernel() = default;

void Kernel::replace(const Ruleset& ruleset, const Ownership& ownership) {
    Batch batch;
    append_clearing(batch, ruleset.table);
    append_ruleset(batch, ruleset,
                   {.table = ruleset.table, .state = TableState::active, .ownership = &ownership});
    if (auto refusal = batch.run(socket_->netlink)) {
        throw KernelError{*std::move(refusal)};
    }
}

bool Kernel::remove(std::string_view table) {
    Batch batch;
    append_removal(batch, table);
    const auto refusal = batch.run(socket_->netlink);
    if (!refusal) return true;
    if (refusal->error() == ENOENT) return false;
    throw KernelError{*refusal};
}

std::optional<Installed> Kernel::read(std::string_view table) {
    return read_table(socket_->netlink, table);
}

// A transaction without its end message (`nft --check`) is rolled back without the validation of
// chains against their hooks: a redirect outside of nat passes there. So the table is really made,
// dormant: its hooks see no packet.
std::optional<KernelError> Kernel::trial(const Ruleset& ruleset) {
    const auto name = ruleset.table + std::string{trial_suffix};
    Batch creation;
    append_clearing(creation, name);
    append_ruleset(creation, ruleset,
                   {.table = name, .state = TableState::dormant, .ownership = nullptr});
    if (auto refusal = creation.run(socket_->netlink)) return refusal;
    Batch removal;
    append_removal(removal, name);
    return removal.run(socket_->netlink);
}

}  // namespace meshgate::netfilter
