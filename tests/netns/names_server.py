"""names_server.py ADDRESS FILE: answers each A question with the addresses in the file, TTL 1."""

import socket
import struct
import sys


def answer(query, addresses):
    end = query.index(b"\0", 12) + 5
    is_a = query[end - 4:end - 2] == b"\0\1"
    records = [socket.inet_aton(each) for each in addresses] if is_a else []
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(records), 0, 0)
    return head + query[12:end] + b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + each for each in records)


def main():
    address, path = sys.argv[1:]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    print("ready", flush=True)
    while True:
        query, client = server.recvfrom(4096)
        with open(path, encoding="ascii") as file:
            server.sendto(answer(query, file.read().split()), client)


main()
