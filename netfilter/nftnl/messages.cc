#include "netfilter/nftnl/messages.h"

#include "netfilter/nftnl/counters.h"
#include "netfilter/nftnl/expressions.h"
#include "netfilter/nftnl/intervals.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/maps.h"
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

// A table that has an owner cannot be woken any more, and one that had none, and does not persist,
// cannot get one (net/netfilter/nf_tables_api.c, nf_tables_updtable()). So it is made like one that
// its owner has left behind, and waking it takes it.
std::uint32_t flags_of_new(Held held) {
    return held == Held::yes ? table_persists : 0;
}

std::uint32_t flags_of_awake(Held held) {
    return held == Held::yes ? NFT_TABLE_F_OWNER | table_persists : 0;
}

void add_table(Batch& batch, const TableOptions& options) {
    const auto table = build_table(options.table);
    const std::uint32_t dormant = options.state == TableState::dormant ? NFT_TABLE_F_DORMANT : 0;
    if (const auto flags = dormant | flags_of_new(options.held); flags != 0) {
        nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, flags);
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

template <class Element, class Use>
void for_each_chunk(const std::vector<Element>& elements, Use use) {
    for (std::span<const Element> rest{elements}; !rest.empty();) {
        const auto chunk = rest.first(std::min(rest.size(), elements_at_once));
        use(chunk);
        rest = rest.subspan(chunk.size());
    }
}

/// Those of `all` that are not in `some`.
std::vector<IntervalElement> missing_from(const std::vector<IntervalElement>& some,
                                          const std::vector<IntervalElement>& all) {
    std::vector<IntervalElement> missing;
    for (const auto& one : all) {
        if (std::ranges::find(some, one) == some.end()) missing.push_back(one);
    }
    return missing;
}

void add_set(Batch& batch, std::string_view table, const Set& set, std::uint32_t id) {
    const Subject subject{.kind = "set", .name = set.name};
    batch.add(*build_set(table, set, id), subject);
    for_each_chunk(to_intervals(set), [&](auto chunk) {
        batch.add_elements(*build_elements(table, set, chunk), subject);
    });
}

template <class Map>
void add_map(Batch& batch, std::string_view table, const Map& map, std::uint32_t id) {
    const Subject subject{.kind = "map", .name = map.name};
    batch.add(*build_map(table, map, id), subject);
    for_each_chunk(map.elements, [&](auto chunk) {
        batch.add_elements(*build_elements(table, map.name, chunk), subject);
    });
}

std::uint32_t hook_number(Hook hook) {
    switch (hook) {
    case Hook::prerouting:
        return NF_INET_PRE_ROUTING;
    case Hook::output:
        return NF_INET_LOCAL_OUT;
    case Hook::postrouting:
        break;
    }
    return NF_INET_POST_ROUTING;
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
    // After the chains that their verdicts name.
    for (const auto& map : ruleset.class_maps) add_map(batch, table, map, next_set_id++);
    for (const auto& map : ruleset.endpoint_maps) add_map(batch, table, map, next_set_id++);
    for (const auto& chain : ruleset.chains) {
        for (const auto& rule : chain.rules) append_rule(batch, table, chain, rule, next_set_id);
    }
}

void append_chain(Batch& batch, std::string_view table, const Chain& chain) {
    std::uint32_t next_set_id = 1;
    add_chain(batch, table, chain);
    for (const auto& rule : chain.rules) append_rule(batch, table, chain, rule, next_set_id);
}

void append_earlier_counts(Batch& batch, std::string_view table, const Counters& counted) {
    for (const auto& one : counted) {
        if (one.packets == 0 && one.bytes == 0) continue;
        const CounterValue earlier{earlier_counter(one.name), one.packets, one.bytes};
        batch.add(*build_counter(table, earlier), {.kind = "counter", .name = one.name});
    }
}

void append_sleep(Batch& batch, std::string_view table, std::uint32_t flags) {
    append_flags(batch, table, flags | NFT_TABLE_F_DORMANT);
}

void append_waking(Batch& batch, std::string_view table, Held held) {
    append_flags(batch, table, flags_of_awake(held));
}

void append_waking(Batch& batch, std::string_view table, std::uint32_t flags) {
    append_flags(batch, table, flags & ~static_cast<std::uint32_t>(NFT_TABLE_F_DORMANT));
}

void append_claim(Batch& batch, std::string_view table) {
    append_flags(batch, table, flags_of_awake(Held::yes));
}

bool append_element_changes(Batch& batch, const Ruleset& before, const Ruleset& after) {
    if (before.chains != after.chains || before.table != after.table) return false;
    const auto same_but_elements = [](const Set& one, const Set& other) {
        return one.name == other.name && one.comment == other.comment &&
               key_type(one) == key_type(other);
    };
    if (!std::ranges::equal(before.sets, after.sets, same_but_elements)) return false;
    if (!have_same_maps(before, after)) return false;
    for (std::size_t i = 0; i < before.sets.size(); ++i) {
        const Set& set = after.sets[i];
        const auto old_elements = to_intervals(before.sets[i]);
        const auto new_elements = to_intervals(set);
        const Subject subject{.kind = "set", .name = set.name};
        for_each_chunk(missing_from(new_elements, old_elements), [&](auto chunk) {
            batch.remove_elements(*build_elements(after.table, set, chunk), subject);
        });
        for_each_chunk(missing_from(old_elements, new_elements), [&](auto chunk) {
            batch.add_elements(*build_elements(after.table, set, chunk), subject);
        });
    }
    return true;
}

bool have_same_maps(const Ruleset& before, const Ruleset& after) {
    const auto same = [](const auto& one, const auto& other) {
        return one.name == other.name && one.comment == other.comment;
    };
    return std::ranges::equal(before.class_maps, after.class_maps, same) &&
           std::ranges::equal(before.endpoint_maps, after.endpoint_maps, same);
}

void append_removal(Batch& batch, std::string_view table) {
    const auto built = build_table(table);
    batch.table(Batch::Table::remove, *built, subject_of_table(table));
}

}  // namespace meshgate::netfilter
