#include "netfilter/nftnl/messages.h"

#include "netfilter/nftnl/counters.h"
#include "netfilter/nftnl/expressions.h"
#include "netfilter/nftnl/intervals.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/sets.h"
#include "netfilter/nftnl/userdata.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <stdexcept>
#include <string>

namespace meshgate::netfilter {

namespace {

NftTable build_table(std::string_view name) {
    auto table = own<NftTable>(nftnl_table_alloc());
    nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_INET);
    nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, std::string{name}.c_str());
    return table;
}

Subject subject_of_table(std::string_view name) {
    return {.kind = "table inet", .name = name};
}

void add_table(Batch& batch, const TableOptions& options) {
    const auto table = build_table(options.table);
    if (options.state == TableState::dormant) {
        nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, NFT_TABLE_F_DORMANT);
    }
    if (options.ownership != nullptr) {
        const auto userdata = write_ownership(*options.ownership);
        nftnl_table_set_data(table.get(), NFTNL_TABLE_USERDATA, userdata.data(),
                             static_cast<std::uint32_t>(userdata.size()));
    }
    batch.table(Batch::Table::create, *table, subject_of_table(options.table));
}

void add_counter(Batch& batch, const TableOptions& options, const std::string& name) {
    CounterValue start{name};
    if (options.counted != nullptr) {
        const auto known = std::ranges::find(*options.counted, name, &CounterValue::name);
        if (known != options.counted->end()) start = *known;
    }
    batch.add(*build_counter(options.table, start), {.kind = "counter", .name = name});
}

void add_set(Batch& batch, std::string_view table, const Set& set, std::uint32_t id) {
    const Subject subject{.kind = "set", .name = set.name};
    batch.add(*build_set(table, set, id), subject);
    const auto intervals = to_intervals(set);
    for (std::span<const IntervalElement> rest{intervals}; !rest.empty();) {
        const auto chunk = rest.first(std::min(rest.size(), max_elements_per_message));
        batch.add_elements(*build_elements(table, set, chunk), subject);
        rest = rest.subspan(chunk.size());
    }
}

std::uint32_t hook_number(Hook hook) {
    return hook == Hook::prerouting ? NF_INET_PRE_ROUTING : NF_INET_LOCAL_OUT;
}

void add_chain(Batch& batch, std::string_view table, const Chain& chain) {
    const auto built = own<NftChain>(nftnl_chain_alloc());
    nftnl_chain_set_u32(built.get(), NFTNL_CHAIN_FAMILY, NFPROTO_INET);
    nftnl_chain_set_str(built.get(), NFTNL_CHAIN_TABLE, std::string{table}.c_str());
    nftnl_chain_set_str(built.get(), NFTNL_CHAIN_NAME, chain.name.c_str());
    if (chain.base) {
        const bool nat = chain.base->type == ChainType::nat;
        nftnl_chain_set_str(built.get(), NFTNL_CHAIN_TYPE, nat ? "nat" : "filter");
        nftnl_chain_set_u32(built.get(), NFTNL_CHAIN_HOOKNUM, hook_number(chain.base->hook));
        nftnl_chain_set_s32(built.get(), NFTNL_CHAIN_PRIO, chain.base->priority);
        nftnl_chain_set_u32(built.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
    }
    batch.add(*built, {.kind = "chain", .name = chain.name});
}

void append_rule(Batch& batch, std::string_view table, const Chain& chain, const Rule& rule,
                 std::uint32_t& next_set_id) {
    const Subject subject{.kind = "rule", .name = chain.name, .rule = &rule};
    const auto built = build_rule(table, chain.name, rule, next_set_id);
    for (const auto& set : built.protocol_sets) {
        batch.add(*set, subject);
        batch.add_elements(*set, subject);
    }
    batch.append(*built.rule, subject);
}

void append_flags(Batch& batch, std::string_view table, std::uint32_t flags) {
    const auto built = build_table(table);
    nftnl_table_set_u32(built.get(), NFTNL_TABLE_FLAGS, flags);
    batch.table(Batch::Table::create, *built, subject_of_table(table));
}

}  // namespace

void append_ruleset(Batch& batch, const Ruleset& ruleset, const TableOptions& options) {
    const auto table = options.table;
    std::uint32_t next_set_id = 1;
    add_table(batch, options);
    for (const auto& counter : ruleset.counters) add_counter(batch, options, counter);
    for (const auto& set : ruleset.sets) add_set(batch, table, set, next_set_id++);
    for (const auto& chain : ruleset.chains) add_chain(batch, table, chain);
    for (const auto& chain : ruleset.chains) {
        for (const auto& rule : chain.rules) append_rule(batch, table, chain, rule, next_set_id);
    }
}

void append_earlier_counts(Batch& batch, std::string_view table, const Counters& counted) {
    for (const auto& one : counted) {
        if (one.packets == 0 && one.bytes == 0) continue;
        const CounterValue earlier{earlier_counter(one.name), one.packets, one.bytes};
        batch.add(*build_counter(table, earlier), {.kind = "counter", .name = one.name});
    }
}

void append_sleep(Batch& batch, std::string_view table) {
    append_flags(batch, table, NFT_TABLE_F_DORMANT);
}

void append_waking(Batch& batch, std::string_view table) {
    append_flags(batch, table, 0);
}

void append_removal(Batch& batch, std::string_view table) {
    const auto built = build_table(table);
    batch.table(Batch::Table::remove, *built, subject_of_table(table));
}

}  // namespace meshgate::netfilter
