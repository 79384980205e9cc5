/* Preloaded, it makes the kernel look as one that does not know some flags of tables, those in
 * UNKNOWN_FLAGS (0x2: owner, Linux 5.12; 0x4: persist, 6.9): whoever sets one of them sets one that no
 * kernel knows, too, and meets the same refusal in nf_tables_newtable(), EOPNOTSUPP. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#include <libnftnl/table.h>

typedef void set_u32(struct nftnl_table*, uint16_t, uint32_t);

void nftnl_table_set_u32(struct nftnl_table* table, uint16_t attribute, uint32_t value) {
    set_u32* real = (set_u32*)dlsym(RTLD_NEXT, "nftnl_table_set_u32");
    const char* unknown = getenv("UNKNOWN_FLAGS");
    if (attribute == NFTNL_TABLE_FLAGS && unknown && (value & strtoul(unknown, NULL, 0)) != 0) {
        value |= 0x40000000;
    }
    real(table, attribute, value);
}
