/* Preloaded, it makes the kernel look as one without CONFIG_NF_CT_NETLINK: what is for conntrack goes
 * out to a subsystem that no kernel has, and meets the same refusal in nfnetlink_rcv_msg(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <sys/socket.h>

typedef ssize_t send_to(int, const void*, size_t, int, const struct sockaddr*, socklen_t);

ssize_t sendto(int fd, const void* message, size_t length, int flags, const struct sockaddr* to,
               socklen_t to_length) {
    send_to* real = (send_to*)dlsym(RTLD_NEXT, "sendto");
    struct nlmsghdr* header = (struct nlmsghdr*)message;
    int protocol = 0;
    socklen_t bytes = sizeof protocol;
    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &bytes);
    if (to != NULL && to->sa_family == AF_NETLINK && protocol == NETLINK_NETFILTER &&
        NFNL_SUBSYS_ID(header->nlmsg_type) == NFNL_SUBSYS_CTNETLINK) {
        header->nlmsg_type |= 0xfe00;
    }
    return real(fd, message, length, flags, to, to_length);
}
