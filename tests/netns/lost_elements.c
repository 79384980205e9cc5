/* Preloaded, it loses elements as a batch too large for libnftnl did: of each transaction that has
 * messages with elements of the map that LOST_ELEMENTS_OF names, the last of these does not go out. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef ssize_t send_to(int, const void*, size_t, int, const struct sockaddr*, socklen_t);

static const struct nlmsghdr* find_last(const char* messages, size_t length, const char* map) {
    const struct nlmsghdr* found = NULL;
    const struct nlmsghdr* one = (const struct nlmsghdr*)messages;
    int rest = (int)length;
    for (; NLMSG_OK(one, rest); one = NLMSG_NEXT(one, rest)) {
        const int is_elements =
            one->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM);
        if (is_elements && memmem(one, one->nlmsg_len, map, strlen(map) + 1) != NULL) found = one;
    }
    return found;
}

ssize_t sendto(int fd, const void* messages, size_t length, int flags, const struct sockaddr* to,
               socklen_t to_length) {
    send_to* real = (send_to*)dlsym(RTLD_NEXT, "sendto");
    const char* map = getenv("LOST_ELEMENTS_OF");
    if (map == NULL || to == NULL || to->sa_family != AF_NETLINK) {
        return real(fd, messages, length, flags, to, to_length);
    }
    const struct nlmsghdr* lost = find_last(messages, length, map);
    if (lost == NULL) return real(fd, messages, length, flags, to, to_length);
    const size_t before = (size_t)((const char*)lost - (const char*)messages);
    const size_t size = NLMSG_ALIGN(lost->nlmsg_len);
    char* rest = malloc(length - size);
    memcpy(rest, messages, before);
    memcpy(rest + before, (const char*)messages + before + size, length - before - size);
    const ssize_t sent = real(fd, rest, length - size, flags, to, to_length);
    free(rest);
    return sent < 0 ? sent : (ssize_t)length;
}
