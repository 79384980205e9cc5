/* resolve NAME...: the addresses that this program's C library finds, one line a name. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int resolve(const char* name) {
    struct addrinfo hints, *found, *at;
    char text[INET6_ADDRSTRLEN];
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    const int error = getaddrinfo(name, NULL, &hints, &found);
    if (error) {
        printf("%s: %s\n", name, gai_strerror(error));
        return 1;
    }
    printf("%s", name);
    for (at = found; at; at = at->ai_next) {
        const void* address = at->ai_family == AF_INET
                                  ? (void*)&((struct sockaddr_in*)at->ai_addr)->sin_addr
                                  : (void*)&((struct sockaddr_in6*)at->ai_addr)->sin6_addr;
        printf(" %s", inet_ntop(at->ai_family, address, text, sizeof text));
    }
    printf("\n");
    freeaddrinfo(found);
    return 0;
}

int main(int count, char** names) {
    int failed = 0;
    for (int i = 1; i < count; ++i) failed |= resolve(names[i]);
    return failed;
}
