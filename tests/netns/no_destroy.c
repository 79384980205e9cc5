/* Preloaded, it makes the kernel look as one without CONFIG_INET_DIAG_DESTROY: the request to end a
 * socket goes out with a type that no kernel knows, and is refused. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
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
    if (to != NULL && to->sa_family == AF_NETLINK && protocol == NETLINK_SOCK_DIAG &&
        header->nlmsg_type == SOCK_DESTROY) {
        header->nlmsg_type = SOCK_DESTROY + 20;
    }
    return real(fd, message, length, flags, to, to_length);
}
