"""same_port.py ADDRESS PORT: asks from the port of each line that comes in, "tcp NUMBER" or
"udp NUMBER", and says who answered, or why nobody did. A datagram's socket stays open."""

import errno
import socket
import sys

SOCKETS = {}


def tcp(to, port):
    with socket.socket() as client:
        client.settimeout(5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.bind(("", port))
        client.connect(to)
        client.sendall(b"x")
        return client.recv(4096)


def udp(to, port):
    if port not in SOCKETS:
        SOCKETS[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        SOCKETS[port].settimeout(5)
        SOCKETS[port].bind(("", port))
    SOCKETS[port].sendto(b"x", to)
    return SOCKETS[port].recv(4096)


def main():
    to = sys.argv[1], int(sys.argv[2])
    print("ready", flush=True)
    for line in sys.stdin:
        kind, port = line.split()
        try:
            said = {"tcp": tcp, "udp": udp}[kind](to, int(port)).split()[0].decode()
        except TimeoutError:
            said = "timeout"
        except OSError as error:
            said = errno.errorcode.get(error.errno, str(error))
        print(kind, port, said, flush=True)


main()
