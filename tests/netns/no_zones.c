/* Preloaded, it makes the kernel look as one without CONFIG_NF_CONNTRACK_ZONES: the statement that
 * sets a zone goes out with a key that no kernel knows, and meets the same refusal in
 * nft_ct_set_init(), EOPNOTSUPP. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netfilter/nf_tables.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>

typedef void set_u32(struct nftnl_expr*, uint16_t, uint32_t);

void nftnl_expr_set_u32(struct nftnl_expr* expr, uint16_t type, uint32_t data) {
    set_u32* real = (set_u32*)dlsym(RTLD_NEXT, "nftnl_expr_set_u32");
    const char* name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
    if (strcmp(name, "ct") == 0 && type == NFTNL_EXPR_CT_KEY && data == NFT_CT_ZONE) data = 200;
    real(expr, type, data);
}
