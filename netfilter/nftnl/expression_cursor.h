#pragma once

#include "netfilter/nftnl/expressions.h"
#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/ruleset/ruleset.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::netfilter {

/// Walks the expressions of a rule. Each take_...() is an expression that build_rule() writes: when
/// it is next, and exactly so, it is passed and what varies in it is returned.
class ExpressionCursor {
public:
    explicit ExpressionCursor(const nftnl_rule& rule) {
        const auto iterator = own<NftExprIter>(nftnl_expr_iter_create(&rule));
        while (auto* expr = nftnl_expr_iter_next(iterator.get())) expressions_.push_back(expr);
    }

    [[nodiscard]] bool at_end() const { return next_ == expressions_.size(); }

    bool take_meta(nft_meta_keys key) {
        return is("meta") && number(NFTNL_EXPR_META_KEY) == key &&
               in_register(NFTNL_EXPR_META_DREG) && !has(NFTNL_EXPR_META_SREG) && pass();
    }

    struct Payload {
        std::uint32_t offset = 0;
        std::uint32_t bytes = 0;
    };
    std::optional<Payload> take_payload(nft_payload_bases base, std::uint32_t to = NFT_REG_1) {
        if (!is("payload") || number(NFTNL_EXPR_PAYLOAD_BASE) != base ||
            !in_register(NFTNL_EXPR_PAYLOAD_DREG, to) || has(NFTNL_EXPR_PAYLOAD_SREG)) {
            return std::nullopt;
        }
        const Payload payload{number(NFTNL_EXPR_PAYLOAD_OFFSET), number(NFTNL_EXPR_PAYLOAD_LEN)};
        pass();
        return payload;
    }

    bool take_ct_state() {
        return is("ct") && number(NFTNL_EXPR_CT_KEY) == NFT_CT_STATE &&
               in_register(NFTNL_EXPR_CT_DREG) && !has(NFTNL_EXPR_CT_DIR) && pass();
    }
    bool take_ct_original(nft_ct_keys key) {
        return is("ct") && number(NFTNL_EXPR_CT_KEY) == key && has(NFTNL_EXPR_CT_DIR) &&
               nftnl_expr_get_u8(current(), NFTNL_EXPR_CT_DIR) == IP_CT_DIR_ORIGINAL &&
               in_register(NFTNL_EXPR_CT_DREG) && pass();
    }
    bool take_fib_type(std::uint32_t flags) {
        return is("fib") && number(NFTNL_EXPR_FIB_FLAGS) == flags &&
               number(NFTNL_EXPR_FIB_RESULT) == NFT_FIB_RESULT_ADDRTYPE &&
               in_register(NFTNL_EXPR_FIB_DREG) && pass();
    }
    std::optional<Bytes> take_mask() {
        if (!is("bitwise") || !in_register(NFTNL_EXPR_BITWISE_SREG) ||
            !in_register(NFTNL_EXPR_BITWISE_DREG) || number(NFTNL_EXPR_BITWISE_OP) != 0) {
            return std::nullopt;
        }
        const auto flips = bytes(NFTNL_EXPR_BITWISE_XOR);
        if (std::ranges::any_of(flips, [](auto byte) { return byte != 0; })) return std::nullopt;
        const auto mask = bytes(NFTNL_EXPR_BITWISE_MASK);
        pass();
        return mask;
    }
    bool take_host_to_network_u32() {
        return is("byteorder") && in_register(NFTNL_EXPR_BYTEORDER_SREG) &&
               in_register(NFTNL_EXPR_BYTEORDER_DREG) &&
               number(NFTNL_EXPR_BYTEORDER_OP) == NFT_BYTEORDER_HTON &&
               number(NFTNL_EXPR_BYTEORDER_LEN) == sizeof(Uid) &&
               number(NFTNL_EXPR_BYTEORDER_SIZE) == sizeof(Uid) && pass();
    }

    struct Comparison {
        std::uint32_t op = NFT_CMP_EQ;
        Bytes value;
    };
    std::optional<Comparison> take_cmp() {
        if (!is("cmp") || !in_register(NFTNL_EXPR_CMP_SREG)) return std::nullopt;
        const Comparison comparison{number(NFTNL_EXPR_CMP_OP), bytes(NFTNL_EXPR_CMP_DATA)};
        pass();
        return comparison;
    }
    /// A comparison for equality with a number in host order.
    template <class Number>
    std::optional<Number> take_equal() {
        const auto comparison = take_cmp();
        if (!comparison || comparison->op != NFT_CMP_EQ) return std::nullopt;
        return to_number<Number>(comparison->value);
    }

    struct Lookup {
        std::string set;
        Sense sense = Sense::equal;
    };
    std::optional<Lookup> take_lookup() {
        if (!is("lookup") || !in_register(NFTNL_EXPR_LOOKUP_SREG) || has(NFTNL_EXPR_LOOKUP_DREG)) {
            return std::nullopt;
        }
        const bool inverted = has(NFTNL_EXPR_LOOKUP_FLAGS) &&
                              (number(NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) != 0;
        Lookup lookup{nftnl_expr_get_str(current(), NFTNL_EXPR_LOOKUP_SET),
                      inverted ? Sense::not_equal : Sense::equal};
        pass();
        return lookup;
    }

    /// A lookup in a map, from NFT_REG_1 into the register.
    std::optional<std::string> take_map_lookup(std::uint32_t to) {
        if (!is("lookup") || !in_register(NFTNL_EXPR_LOOKUP_SREG) ||
            !has(NFTNL_EXPR_LOOKUP_DREG) || number(NFTNL_EXPR_LOOKUP_DREG) != to) {
            return std::nullopt;
        }
        std::string map = nftnl_expr_get_str(current(), NFTNL_EXPR_LOOKUP_SET);
        pass();
        return map;
    }
    struct Numgen {
        std::uint32_t type = 0;
        std::uint32_t modulus = 0;
    };
    std::optional<Numgen> take_numgen(std::uint32_t to) {
        if (!is("numgen") || !in_register(NFTNL_EXPR_NG_DREG, to) ||
            number(NFTNL_EXPR_NG_OFFSET) != 0) {
            return std::nullopt;
        }
        const Numgen numgen{number(NFTNL_EXPR_NG_TYPE), number(NFTNL_EXPR_NG_MODULUS)};
        pass();
        return numgen;
    }
    /// @return its modulus
    std::optional<std::uint32_t> take_jhash(std::uint32_t from, std::uint32_t bytes,
                                            std::uint32_t seed, std::uint32_t to) {
        if (!is("hash") || number(NFTNL_EXPR_HASH_TYPE) != NFT_HASH_JENKINS ||
            !in_register(NFTNL_EXPR_HASH_SREG, from) || !in_register(NFTNL_EXPR_HASH_DREG, to) ||
            number(NFTNL_EXPR_HASH_LEN) != bytes || number(NFTNL_EXPR_HASH_SEED) != seed ||
            number(NFTNL_EXPR_HASH_OFFSET) != 0) {
            return std::nullopt;
        }
        const auto modulus = number(NFTNL_EXPR_HASH_MODULUS);
        pass();
        return modulus;
    }
    /// The kernel may say that the highest values are those of the lowest.
    bool take_dnat(std::uint32_t family, std::uint32_t port_register) {
        constexpr std::uint32_t flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;
        return is("nat") && number(NFTNL_EXPR_NAT_TYPE) == NFT_NAT_DNAT &&
               number(NFTNL_EXPR_NAT_FAMILY) == family &&
               in_register(NFTNL_EXPR_NAT_REG_ADDR_MIN) &&
               (!has(NFTNL_EXPR_NAT_REG_ADDR_MAX) || in_register(NFTNL_EXPR_NAT_REG_ADDR_MAX)) &&
               in_register(NFTNL_EXPR_NAT_REG_PROTO_MIN, port_register) &&
               (!has(NFTNL_EXPR_NAT_REG_PROTO_MAX) ||
                in_register(NFTNL_EXPR_NAT_REG_PROTO_MAX, port_register)) &&
               (number(NFTNL_EXPR_NAT_FLAGS) & ~flags) == 0 && pass();
    }
    bool take_masquerade() {
        return is("masq") && number(NFTNL_EXPR_MASQ_FLAGS) == 0 &&
               !has(NFTNL_EXPR_MASQ_REG_PROTO_MIN) && pass();
    }
    bool take_reject(nft_reject_types type, std::uint8_t code) {
        return is("reject") && number(NFTNL_EXPR_REJECT_TYPE) == type &&
               (has(NFTNL_EXPR_REJECT_CODE)
                    ? nftnl_expr_get_u8(current(), NFTNL_EXPR_REJECT_CODE)
                    : 0) == code &&
               pass();
    }

    bool take_counter() { return is("counter") && pass(); }
    std::optional<std::string> take_named_counter() {
        if (!is("objref") || number(NFTNL_EXPR_OBJREF_IMM_TYPE) != NFT_OBJECT_COUNTER ||
            !has(NFTNL_EXPR_OBJREF_IMM_NAME)) {
            return std::nullopt;
        }
        std::string name = nftnl_expr_get_str(current(), NFTNL_EXPR_OBJREF_IMM_NAME);
        pass();
        return name;
    }
    /// The prefix of a log statement to the kernel's log.
    std::optional<std::string> take_log(nft_log_level level) {
        if (!is("log") || !has(NFTNL_EXPR_LOG_PREFIX) || has(NFTNL_EXPR_LOG_GROUP) ||
            number(NFTNL_EXPR_LOG_LEVEL) != level || number(NFTNL_EXPR_LOG_FLAGS) != 0) {
            return std::nullopt;
        }
        std::string prefix = nftnl_expr_get_str(current(), NFTNL_EXPR_LOG_PREFIX);
        pass();
        return prefix;
    }

    struct VerdictCode {
        int code = 0;
        std::string chain;
    };
    std::optional<VerdictCode> take_verdict() {
        if (!is("immediate") || number(NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT) return std::nullopt;
        VerdictCode verdict{static_cast<int>(number(NFTNL_EXPR_IMM_VERDICT)), {}};
        if (has(NFTNL_EXPR_IMM_CHAIN)) {
            verdict.chain = nftnl_expr_get_str(current(), NFTNL_EXPR_IMM_CHAIN);
        }
        pass();
        return verdict;
    }
    std::optional<Bytes> take_immediate() {
        if (!is("immediate") || !in_register(NFTNL_EXPR_IMM_DREG)) return std::nullopt;
        const auto value = bytes(NFTNL_EXPR_IMM_DATA);
        pass();
        return value;
    }
    bool take_redirect_to_port() {
        return is("redir") && in_register(NFTNL_EXPR_REDIR_REG_PROTO_MIN) &&
               (!has(NFTNL_EXPR_REDIR_REG_PROTO_MAX) ||
                in_register(NFTNL_EXPR_REDIR_REG_PROTO_MAX)) &&
               number(NFTNL_EXPR_REDIR_FLAGS) == NF_NAT_RANGE_PROTO_SPECIFIED && pass();
    }
    bool take_set_original_zone() {
        return is("ct") && number(NFTNL_EXPR_CT_KEY) == NFT_CT_ZONE && has(NFTNL_EXPR_CT_DIR) &&
               nftnl_expr_get_u8(current(), NFTNL_EXPR_CT_DIR) == IP_CT_DIR_ORIGINAL &&
               in_register(NFTNL_EXPR_CT_SREG) && pass();
    }

    template <class Number>
    static std::optional<Number> to_number(Bytes bytes) {
        Number number{};
        if (bytes.size() != sizeof number) return std::nullopt;
        std::memcpy(&number, bytes.data(), sizeof number);
        return number;
    }

private:
    [[nodiscard]] const nftnl_expr* current() const { return expressions_[next_]; }
    [[nodiscard]] bool is(std::string_view name) const {
        return !at_end() && name == nftnl_expr_get_str(current(), NFTNL_EXPR_NAME);
    }
    [[nodiscard]] bool has(std::uint16_t attribute) const {
        return nftnl_expr_is_set(current(), attribute);
    }
    [[nodiscard]] std::uint32_t number(std::uint16_t attribute) const {
        return has(attribute) ? nftnl_expr_get_u32(current(), attribute) : 0;
    }
    [[nodiscard]] bool in_register(std::uint16_t attribute,
                                   std::uint32_t expected = NFT_REG_1) const {
        return has(attribute) && nftnl_expr_get_u32(current(), attribute) == expected;
    }
    [[nodiscard]] Bytes bytes(std::uint16_t attribute) const {
        std::uint32_t length = 0;
        const auto* data = nftnl_expr_get(current(), attribute, &length);
        if (data == nullptr) return {};
        return {static_cast<const std::uint8_t*>(data), length};
    }
    bool pass() {
        ++next_;
        return true;
    }

    std::vector<const nftnl_expr*> expressions_;
    std::size_t next_ = 0;
};

}  // namespace meshgate::netfilter
