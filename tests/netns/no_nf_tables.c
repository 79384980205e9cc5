/* Preloaded, it makes the kernel look as one that is built without nf_tables: a socket for it is
 * refused as socket(2) refuses a protocol that is not there. The programs that are run see the
 * same. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

typedef int make_socket(int, int, int);

int socket(int domain, int type, int protocol) {
    if (domain == AF_NETLINK && protocol == NETLINK_NETFILTER) {
        errno = EPROTONOSUPPORT;
        return -1;
    }
    make_socket* real = (make_socket*)dlsym(RTLD_NEXT, "socket");
    return real(domain, type, protocol);
}
