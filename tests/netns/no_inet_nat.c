/* Preloaded, it makes the kernel look as one before 5.2, which has nf_tables but no redirect for the
 * family inet: the statement goes out under a name that no kernel knows, and is refused as one that
 * is not there, ENOENT. iptables has a redirect of its own, and does not come by here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct nftnl_rule;
struct nftnl_expr;
typedef struct nftnl_expr* allocate(const char*);
typedef void set_u32(struct nftnl_expr*, uint16_t, uint32_t);

struct nftnl_expr* nftnl_expr_alloc(const char* name) {
    allocate* real = (allocate*)dlsym(RTLD_NEXT, "nftnl_expr_alloc");
    return real(strcmp(name, "redir") == 0 ? "masq" : name);
}
