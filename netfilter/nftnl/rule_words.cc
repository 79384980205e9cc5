#include "netfilter/nftnl/rule_words.h"

#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/netlink.h"
#include "netfilter/nftnl/read_rule.h"
#include "netfilter/nftnl/userdata.h"
#include "netfilter/ruleset/print.h"

#include <libnftnl/udata.h>

#include <libmnl/libmnl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace meshgate::netfilter {
namespace {

/// What only loads or compares says little without its values.
bool is_statement(std::string_view expression) {
    static constexpr std::array<std::string_view, 10> statements{
        "nat", "redir", "masq", "reject", "log", "queue", "tproxy", "notrack", "limit", "dup"};
    return std::ranges::find(statements, expression) != statements.end();
}

void add_word(std::string& text, const std::string& word) {
    text += (text.empty() ? "" : ", ") + word;
}

/// The text of iptables' match "comment": up to 256 bytes, ended by a NUL if there is room.
std::string comment_of_match(const nftnl_expr* match) {
    std::uint32_t length = 0;
    const auto* bytes = static_cast<const char*>(nftnl_expr_get(match, NFTNL_EXPR_MT_INFO, &length));
    return bytes == nullptr ? "" : std::string{bytes, ::strnlen(bytes, length)};
}

void add_expression(const nftnl_expr* expression, RuleWords& words) {
    const std::string_view name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
    if (name == "match") {
        const char* match = nftnl_expr_get_str(expression, NFTNL_EXPR_MT_NAME);
        if (match == nullptr) return;
        if (std::string_view{match} == "comment") {
            words.comment = comment_of_match(expression);
        } else {
            add_word(words.text, std::string{"match "} + match);
        }
    } else if (name == "target") {
        const char* target = nftnl_expr_get_str(expression, NFTNL_EXPR_TG_NAME);
        if (target != nullptr) add_word(words.text, std::string{"target "} + target);
    } else if (is_statement(name)) {
        add_word(words.text, std::string{name});
    }
}

RuleWords said_by(const nftnl_rule& rule) {
    RuleWords words;
    if (const auto read = read_rule(rule, {})) {
        words.text = to_nft(*read);
        words.comment = read->comment;
        return words;
    }
    const auto iterator = own<NftExprIter>(nftnl_expr_iter_create(&rule));
    while (const auto* expression = nftnl_expr_iter_next(iterator.get())) {
        add_expression(expression, words);
    }
    if (nftnl_rule_is_set(&rule, NFTNL_RULE_USERDATA)) {
        std::uint32_t length = 0;
        const auto* bytes = static_cast<const std::uint8_t*>(
            nftnl_rule_get_data(&rule, NFTNL_RULE_USERDATA, &length));
        if (const auto text = find_text({bytes, length}, NFTNL_UDATA_RULE_COMMENT)) {
            words.comment = *text;
        }
    }
    return words;
}

std::uint16_t family_number(const std::string& family) {
    if (family == "ip") return NFPROTO_IPV4;
    return family == "ip6" ? NFPROTO_IPV6 : NFPROTO_INET;
}

}  // namespace

std::optional<RuleWords> words_of_rule(const std::string& family, const std::string& table,
                                       const std::string& chain, std::uint64_t handle) {
    Netlink netlink{NETLINK_NETFILTER};
    const auto wanted = own<NftRule>(nftnl_rule_alloc());
    nftnl_rule_set_u32(wanted.get(), NFTNL_RULE_FAMILY, family_number(family));
    nftnl_rule_set_str(wanted.get(), NFTNL_RULE_TABLE, table.c_str());
    nftnl_rule_set_str(wanted.get(), NFTNL_RULE_CHAIN, chain.c_str());
    alignas(nlmsghdr) std::array<char, 1024> buffer{};
    auto* request = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETRULE, family_number(family),
                                          NLM_F_DUMP, 0);
    nftnl_rule_nlmsg_build_payload(request, wanted.get());
    std::optional<RuleWords> found;
    static_cast<void>(netlink.dump(*request, [&](const nlmsghdr& message) {
        const auto rule = own<NftRule>(nftnl_rule_alloc());
        if (nftnl_rule_nlmsg_parse(&message, rule.get()) < 0) return;
        if (nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE) == handle) found = said_by(*rule);
    }));
    return found;
}

}  // namespace meshgate::netfilter
