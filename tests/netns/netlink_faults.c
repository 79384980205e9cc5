/* Preloaded, it has one call on a netlink socket fail: the one that a counter names, in a page that
 * the test shares with every process of the program (MESHGATE_FAULTS is its file). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind {
    SEND,     /* sendto() fails, nothing is sent */
    RECEIVE,  /* recvfrom() fails, the message stays */
    LOST,     /* recvfrom() fails, the message is gone, as when a queue is full */
    CUT,      /* recvfrom() has more than fits */
    SOCKET,   /* socket() or bind() fails */
    REFUSE,   /* the kernel does nothing, and answers with the error */
};

struct page {
    _Atomic int32_t countdown; /* of calls of that kind; 1: the next one fails */
    _Atomic int32_t kind, error;
    _Atomic int32_t whose; /* 0: everybody's, 1: of the process that was started, 2: of its children */
    _Atomic int32_t failed; /* how many did */
    _Atomic int32_t times;  /* how many in a row shall */
};

static struct page* page;
static pid_t first;
static int refused = -1; /* the socket whose next answers say the error */

__attribute__((constructor)) static void open_page(void) {
    const char* path = getenv("MESHGATE_FAULTS");
    const int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    first = getpid();
    if (fd < 0) return;
    void* found = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED) page = found;
}

static int is_due(enum kind kind) {
    if (page == NULL || page->countdown <= 0 || page->kind != (int32_t)kind) return 0;
    if (page->whose != 0 && (page->whose == 1) != (getpid() == first)) return 0;
    const int32_t before = atomic_fetch_sub(&page->countdown, 1);
    if (before != 1) return 0;
    if (atomic_fetch_sub(&page->times, 1) > 1) page->countdown = 1;
    atomic_fetch_add(&page->failed, 1);
    return 1;
}

static int is_netlink(int fd) {
    int domain = 0;
    socklen_t bytes = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_NETLINK;
}

static int fail(void) {
    errno = page->error;
    return -1;
}

typedef ssize_t send_to(int, const void*, size_t, int, const struct sockaddr*, socklen_t);

/* Has the kernel do nothing: of a transaction it gets no end, of a request a type that it does not
 * know. */
static ssize_t send_refused(send_to* real, int fd, const char* message, size_t length, int flags,
                            const struct sockaddr* to, socklen_t to_length) {
    char* copy = malloc(length);
    memcpy(copy, message, length);
    struct nlmsghdr* one = (struct nlmsghdr*)copy;
    size_t sent = length;
    if (one->nlmsg_type == NFNL_MSG_BATCH_BEGIN) {
        int rest = (int)length;
        for (; NLMSG_OK(one, rest); one = NLMSG_NEXT(one, rest)) {
            if (one->nlmsg_type == NFNL_MSG_BATCH_END) sent = (size_t)((char*)one - copy);
        }
    } else {
        one->nlmsg_type = (uint16_t)((one->nlmsg_type & 0xff) | 0xfa00);
        one->nlmsg_flags |= NLM_F_ACK;
    }
    refused = fd;
    const ssize_t bytes = real(fd, copy, sent, flags, to, to_length);
    free(copy);
    return bytes < 0 ? bytes : (ssize_t)length;
}

static void put_error(char* buffer, ssize_t bytes) {
    struct nlmsghdr* one = (struct nlmsghdr*)buffer;
    int rest = (int)bytes;
    for (; NLMSG_OK(one, rest); one = NLMSG_NEXT(one, rest)) {
        if (one->nlmsg_type != NLMSG_ERROR) continue;
        ((struct nlmsgerr*)NLMSG_DATA(one))->error = -page->error;
        refused = -1;
    }
}

ssize_t sendto(int fd, const void* message, size_t length, int flags, const struct sockaddr* to,
               socklen_t to_length) {
    send_to* real = (send_to*)dlsym(RTLD_NEXT, "sendto");
    const int counts = page != NULL && is_netlink(fd);
    if (counts && is_due(SEND)) return fail();
    if (counts && is_due(REFUSE)) {
        return send_refused(real, fd, message, length, flags, to, to_length);
    }
    return real(fd, message, length, flags, to, to_length);
}

ssize_t recvfrom(int fd, void* buffer, size_t length, int flags, struct sockaddr* from,
                 socklen_t* from_length) {
    typedef ssize_t receive_from(int, void*, size_t, int, struct sockaddr*, socklen_t*);
    receive_from* real = (receive_from*)dlsym(RTLD_NEXT, "recvfrom");
    if (page == NULL || !is_netlink(fd)) return real(fd, buffer, length, flags, from, from_length);
    if (is_due(RECEIVE)) return fail();
    const ssize_t bytes = real(fd, buffer, length, flags, from, from_length);
    if (bytes < 0) return bytes;
    if (fd == refused) put_error(buffer, bytes);
    if (is_due(LOST)) return fail();
    if (is_due(CUT)) return (ssize_t)length + 1;
    return bytes;
}

int socket(int domain, int type, int protocol) {
    typedef int make(int, int, int);
    make* real = (make*)dlsym(RTLD_NEXT, "socket");
    if (domain == AF_NETLINK && is_due(SOCKET)) return fail();
    return real(domain, type, protocol);
}

int bind(int fd, const struct sockaddr* to, socklen_t length) {
    typedef int bind_to(int, const struct sockaddr*, socklen_t);
    bind_to* real = (bind_to*)dlsym(RTLD_NEXT, "bind");
    if (to->sa_family == AF_NETLINK && is_due(SOCKET)) return fail();
    return real(fd, to, length);
}
