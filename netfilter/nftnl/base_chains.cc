#include "netfilter/nftnl/base_chains.h"

#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/netlink.h"
#include "netfilter/nftnl/standstill.h"

#include <libmnl/libmnl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

namespace meshgate::netfilter {
namespace {

/// What is looked at is no more than advice.
constexpr std::chrono::milliseconds dump_patience{500};

struct Effects {
    bool translates = false, drops = false;
};
using TableId = std::pair<std::uint32_t, std::string>;  ///< family, name
using EffectsOf = std::map<TableId, Effects>;

std::optional<std::string> family_word(std::uint32_t family) {
    if (family == NFPROTO_INET) return "inet";
    if (family == NFPROTO_IPV4) return "ip";
    if (family == NFPROTO_IPV6) return "ip6";
    return std::nullopt;
}

std::optional<Hook> hook_of(std::uint32_t number) {
    if (number == NF_INET_PRE_ROUTING) return Hook::prerouting;
    if (number == NF_INET_LOCAL_OUT) return Hook::output;
    return std::nullopt;
}

/// iptables' targets come as one expression with a name of theirs.
void note_target(std::string_view name, Effects& effects) {
    static constexpr std::array<std::string_view, 4> nat{"DNAT", "SNAT", "REDIRECT", "MASQUERADE"};
    if (std::ranges::find(nat, name) != nat.end()) effects.translates = true;
    if (name == "REJECT" || name == "DROP") effects.drops = true;
}

void note_expression(const nftnl_expr* expression, Effects& effects) {
    const std::string_view name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
    if (name == "nat" || name == "redir" || name == "masq" || name == "tproxy") {
        effects.translates = true;
    } else if (name == "reject") {
        effects.drops = true;
    } else if (name == "target") {
        if (const char* target = nftnl_expr_get_str(expression, NFTNL_EXPR_TG_NAME)) {
            note_target(target, effects);
        }
    } else if (name == "immediate" && nftnl_expr_is_set(expression, NFTNL_EXPR_IMM_VERDICT)) {
        if (nftnl_expr_get_u32(expression, NFTNL_EXPR_IMM_VERDICT) == NF_DROP) effects.drops = true;
    }
}

/// Asks until nobody changes anything meanwhile, or the answer is as good as it gets.
template <class OnMessage>
void dump(Netlink& netlink, std::uint16_t type, const OnMessage& on_message) {
    Standstill standstill{dump_patience};
    do {
        alignas(nlmsghdr) std::array<char, 256> buffer{};
        nlmsghdr* const request =
            nftnl_nlmsg_build_hdr(buffer.data(), type, NFPROTO_UNSPEC, NLM_F_DUMP, 0);
        if (netlink.dump(*request, on_message) == Netlink::Dumped::whole) return;
    } while (standstill.wait());
}

EffectsOf effects_of_tables(Netlink& netlink, IsOurs is_ours) {
    EffectsOf effects;
    dump(netlink, NFT_MSG_GETRULE, [&](const nlmsghdr& message) {
        const auto rule = own<NftRule>(nftnl_rule_alloc());
        if (nftnl_rule_nlmsg_parse(&message, rule.get()) < 0) return;
        if (is_ours != nullptr && is_ours(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN))) return;
        const TableId table{nftnl_rule_get_u32(rule.get(), NFTNL_RULE_FAMILY),
                            nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE)};
        const auto iterator = own<NftExprIter>(nftnl_expr_iter_create(rule.get()));
        while (const auto* expression = nftnl_expr_iter_next(iterator.get())) {
            note_expression(expression, effects[table]);
        }
    });
    return effects;
}

std::optional<SeenChain> seen(const nftnl_chain* chain, const EffectsOf& effects) {
    const std::uint32_t family = nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY);
    const auto word = family_word(family);
    if (!word || !nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM)) return std::nullopt;
    const auto hook = hook_of(nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM));
    if (!hook) return std::nullopt;
    SeenChain out;
    out.family = *word;
    out.table = nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE);
    out.name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
    out.type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);
    out.hook = *hook;
    out.priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
    out.drops = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_DROP;
    if (const auto found = effects.find({family, out.table}); found != effects.end()) {
        out.translates = found->second.translates;
        out.drops = out.drops || found->second.drops;
    }
    return out;
}

}  // namespace

std::vector<SeenChain> base_chains(IsOurs is_ours) {
    Netlink netlink{NETLINK_NETFILTER};
    const EffectsOf effects = effects_of_tables(netlink, is_ours);
    std::map<std::tuple<Hook, int, std::string, std::string, std::string>, SeenChain> found;
    dump(netlink, NFT_MSG_GETCHAIN, [&](const nlmsghdr& message) {
        const auto chain = own<NftChain>(nftnl_chain_alloc());
        if (nftnl_chain_nlmsg_parse(&message, chain.get()) < 0) return;
        if (auto one = seen(chain.get(), effects)) {
            const auto key =
                std::tuple{one->hook, one->priority, one->family, one->table, one->name};
            found.insert_or_assign(key, std::move(*one));
        }
    });
    std::vector<SeenChain> list;
    for (auto& [key, chain] : found) list.push_back(std::move(chain));
    return list;
}

bool iptables_nft_has_rules() {
    static constexpr std::array<std::string_view, 5> tables{"raw", "mangle", "nat", "filter",
                                                            "security"};
    bool found = false;
    Netlink netlink{NETLINK_NETFILTER};
    dump(netlink, NFT_MSG_GETRULE, [&found](const nlmsghdr& message) {
        const auto rule = own<NftRule>(nftnl_rule_alloc());
        if (nftnl_rule_nlmsg_parse(&message, rule.get()) < 0) return;
        const auto family = nftnl_rule_get_u32(rule.get(), NFTNL_RULE_FAMILY);
        const std::string_view table = nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE);
        found |= (family == NFPROTO_IPV4 || family == NFPROTO_IPV6) &&
                 std::ranges::find(tables, table) != tables.end();
    });
    return found;
}

std::vector<ChainName> chain_names() try {
    Netlink netlink{NETLINK_NETFILTER};
    std::vector<ChainName> names;
    dump(netlink, NFT_MSG_GETCHAIN, [&names](const nlmsghdr& message) {
        const auto chain = own<NftChain>(nftnl_chain_alloc());
        if (nftnl_chain_nlmsg_parse(&message, chain.get()) < 0) return;
        const auto family = family_word(nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FAMILY));
        if (!family) return;
        names.push_back({*family, nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE),
                         nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME)});
    });
    return names;
} catch (const std::system_error&) {
    return {};
}

}  // namespace meshgate::netfilter
