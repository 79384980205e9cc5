/* Preloaded, it makes the kernel look as one that does not say how many elements a set has
 * (NFTA_SET_COUNT, Linux 6.17): the attribute gets a number that nobody knows. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

enum { SET_COUNT = 20, UNKNOWN = 1000 };

static void hide_count(char* message, unsigned length) {
    for (unsigned at = NLMSG_LENGTH(sizeof(struct nfgenmsg)); at + sizeof(struct nlattr) <= length;) {
        struct nlattr* attribute = (struct nlattr*)(message + at);
        if (attribute->nla_len < sizeof *attribute) return;
        if ((attribute->nla_type & NLA_TYPE_MASK) == SET_COUNT) attribute->nla_type = UNKNOWN;
        at += NLA_ALIGN(attribute->nla_len);
    }
}

static ssize_t without_counts(char* bytes, ssize_t received, size_t size) {
    unsigned rest = received < 0 ? 0 : (size_t)received < size ? (unsigned)received : (unsigned)size;
    struct nlmsghdr* message = (struct nlmsghdr*)bytes;
    for (; NLMSG_OK(message, rest); message = NLMSG_NEXT(message, rest)) {
        if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET)) {
            hide_count((char*)message, message->nlmsg_len);
        }
    }
    return received;
}

typedef ssize_t receive_from(int, void*, size_t, int, struct sockaddr*, socklen_t*);

ssize_t recvfrom(int fd, void* buffer, size_t size, int flags, struct sockaddr* from,
                 socklen_t* length) {
    receive_from* real = (receive_from*)dlsym(RTLD_NEXT, "recvfrom");
    ssize_t received = real(fd, buffer, size, flags, from, length);
    return from != NULL && from->sa_family == AF_NETLINK ? without_counts(buffer, received, size)
                                                         : received;
}

/* What a program calls that was built with _FORTIFY_SOURCE. */
ssize_t __recvfrom_chk(int fd, void* buffer, size_t size, size_t room, int flags,
                       struct sockaddr* from, socklen_t* length) {
    (void)room;
    return recvfrom(fd, buffer, size, flags, from, length);
}
