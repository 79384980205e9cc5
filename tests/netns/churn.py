"""churn.py: changes a table of its own, of family inet too, as fast as it can, a transaction for
each element of a set. Says "ready" first, and how many there were when it is ended."""

import signal
import socket
import struct
import subprocess
import sys

NETFILTER = 12
NFTABLES, BATCH_BEGIN, BATCH_END, NEWSETELEM = 10, 16, 17, 12
REQUEST, CREATE, NESTED = 0x1, 0x400, 0x8000
INET = 1


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def message(kind, flags, family, resource, attributes=b""):
    body = struct.pack(">BBH", family, 0, resource) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 0, 0) + body


def transaction(number):
    key = attribute(NESTED | 1, attribute(1, struct.pack(">I", number)))
    elements = attribute(NESTED | 3, attribute(NESTED | 1, key))
    words = attribute(1, b"churn\0") + attribute(2, b"many\0") + elements
    return (message(BATCH_BEGIN, 0, 0, NFTABLES) +
            message(NFTABLES << 8 | NEWSETELEM, CREATE, INET, 0, words) +
            message(BATCH_END, 0, 0, NFTABLES))


def main():
    subprocess.run(["nft", "add table inet churn; "
                    "add set inet churn many { type ipv4_addr; }"], check=True)
    counts = [0]

    def end(*_):
        try:
            print("refused:", kernel.recv(4096, socket.MSG_DONTWAIT))
        except BlockingIOError:
            print(f"{counts[0]} changes", flush=True)
        sys.exit(0)

    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
    kernel.bind((0, 0))
    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    while True:
        kernel.send(transaction(counts[0]))
        counts[0] += 1


main()
