"""noise.py ADDRESS PORT COUNT: datagrams of every size from 0 to 65,507 bytes, of anything."""

import random
import socket
import sys

address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(1)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
header = bytes.fromhex("00010100000100000000000107") + b"backend\x04mesh\x00\x00\x01\x00\x01"
for number in range(count):
    size = chance.choice((number % 64, chance.randrange(512), chance.randrange(65508)))
    datagram = chance.randbytes(size)
    if number % 2:  # half of them begin like a question, with one byte changed
        start = bytearray(header)
        start[chance.randrange(len(start))] = chance.randrange(256)
        datagram = (bytes(start) + datagram)[:65507]
    try:
        sender.sendto(datagram, (address, port))
    except OSError:
        pass  # an ICMP error of an earlier one
print("ready", flush=True)
