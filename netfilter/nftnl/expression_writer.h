#pragma once

#include "netfilter/nftnl/expressions.h"
#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace meshgate::netfilter {

/// Appends one kernel expression after the other to a rule.
class ExpressionWriter {
public:
    explicit ExpressionWriter(nftnl_rule& rule) : rule_(rule) {}

    void meta(nft_meta_keys key) {
        auto& expr = add("meta");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_META_KEY, key);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_META_DREG, NFT_REG_1);
    }
    void payload(nft_payload_bases base, std::uint32_t offset, std::uint32_t bytes,
                 std::uint32_t to = NFT_REG_1) {
        auto& expr = add("payload");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_PAYLOAD_DREG, to);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_PAYLOAD_BASE, base);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_PAYLOAD_LEN, bytes);
    }
    void ct_state() {
        auto& expr = add("ct");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_CT_DREG, NFT_REG_1);
    }
    /// NFT_CT_DST_IP, NFT_CT_DST_IP6 of the original direction
    void ct_original(nft_ct_keys key) {
        auto& expr = add("ct");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_CT_KEY, key);
        nftnl_expr_set_u8(&expr, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_CT_DREG, NFT_REG_1);
    }
    /// Flags: NFTA_FIB_F_...
    void fib_type(std::uint32_t flags) {
        auto& expr = add("fib");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_FIB_FLAGS, flags);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
    }
    void mask(Bytes bits) {
        const std::vector<std::uint8_t> zero(bits.size());
        auto& expr = add("bitwise");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_BITWISE_LEN, static_cast<std::uint32_t>(bits.size()));
        set_bytes(expr, NFTNL_EXPR_BITWISE_MASK, bits);
        set_bytes(expr, NFTNL_EXPR_BITWISE_XOR, zero);
    }
    void host_to_network_u32() {
        auto& expr = add("byteorder");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_BYTEORDER_LEN, sizeof(Uid));
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_BYTEORDER_SIZE, sizeof(Uid));
    }
    void cmp(nft_cmp_ops op, Bytes value) {
        auto& expr = add("cmp");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_CMP_OP, op);
        set_bytes(expr, NFTNL_EXPR_CMP_DATA, value);
    }
    void lookup(const std::string& set, Sense sense = Sense::equal, std::uint32_t set_id = 0) {
        auto& expr = add("lookup");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
        nftnl_expr_set_str(&expr, NFTNL_EXPR_LOOKUP_SET, set.c_str());
        if (set_id != 0) nftnl_expr_set_u32(&expr, NFTNL_EXPR_LOOKUP_SET_ID, set_id);
        if (sense == Sense::not_equal) {
            nftnl_expr_set_u32(&expr, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
        }
    }
    void lookup_verdict(const std::string& map) {
        auto& expr = add("lookup");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_str(&expr, NFTNL_EXPR_LOOKUP_SET, map.c_str());
    }
    void lookup_value(const std::string& map) {
        auto& expr = add("lookup");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
        nftnl_expr_set_str(&expr, NFTNL_EXPR_LOOKUP_SET, map.c_str());
    }
    void numgen(nft_ng_types type, std::uint32_t modulus, std::uint32_t to) {
        auto& expr = add("numgen");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_NG_DREG, to);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_NG_MODULUS, modulus);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_NG_TYPE, type);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_NG_OFFSET, 0);
    }
    void jhash(std::uint32_t from, std::uint32_t bytes, std::uint32_t modulus, std::uint32_t seed,
               std::uint32_t to) {
        auto& expr = add("hash");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_HASH_SREG, from);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_HASH_DREG, to);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_HASH_LEN, bytes);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_HASH_MODULUS, modulus);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_HASH_SEED, seed);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_HASH_OFFSET, 0);
    }
    void dnat(std::uint32_t family, std::uint32_t port_register) {
        auto& expr = add("nat");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_NAT_FAMILY, family);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_NAT_REG_PROTO_MIN, port_register);
    }
    void masquerade() { add("masq"); }
    void reject(nft_reject_types type, std::uint8_t code) {
        auto& expr = add("reject");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_REJECT_TYPE, type);
        nftnl_expr_set_u8(&expr, NFTNL_EXPR_REJECT_CODE, code);
    }
    void counter() { add("counter"); }
    void named_counter(const std::string& name) {
        auto& expr = add("objref");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
        nftnl_expr_set_str(&expr, NFTNL_EXPR_OBJREF_IMM_NAME, name.c_str());
    }
    void log(const std::string& prefix, nft_log_level level) {
        auto& expr = add("log");
        nftnl_expr_set_str(&expr, NFTNL_EXPR_LOG_PREFIX, prefix.c_str());
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_LOG_LEVEL, level);
    }
    void immediate(Bytes value) {
        auto& expr = add("immediate");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
        set_bytes(expr, NFTNL_EXPR_IMM_DATA, value);
    }
    void verdict(int code, const std::string& chain = {}) {
        auto& expr = add("immediate");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(code));
        if (!chain.empty()) nftnl_expr_set_str(&expr, NFTNL_EXPR_IMM_CHAIN, chain.c_str());
    }
    void redirect_to_port() {
        auto& expr = add("redir");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
    }
    /// `meta nftrace set`, from the register
    void set_trace() {
        auto& expr = add("meta");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_META_KEY, NFT_META_NFTRACE);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_META_SREG, NFT_REG_1);
    }
    void set_original_zone() {
        auto& expr = add("ct");
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_CT_KEY, NFT_CT_ZONE);
        nftnl_expr_set_u8(&expr, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
        nftnl_expr_set_u32(&expr, NFTNL_EXPR_CT_SREG, NFT_REG_1);
    }

private:
    nftnl_expr& add(const char* name) {
        auto expr = own<NftExpr>(nftnl_expr_alloc(name));
        auto& added = *expr;
        nftnl_rule_add_expr(&rule_, expr.release());
        return added;
    }
    static void set_bytes(nftnl_expr& expr, std::uint16_t attribute, Bytes bytes) {
        nftnl_expr_set(&expr, attribute, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    }

    nftnl_rule& rule_;
};

}  // namespace meshgate::netfilter
