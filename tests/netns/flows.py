"""flows.py ADDRESS PORT COUNT: so many UDP flows, each of one datagram; prints the CPU time that a
flow took, in microseconds. All that the rules cost is in it: they run where the datagram is sent."""

import resource
import socket
import sys

address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


before = cpu()
for _ in range(count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", (address, port))
print((cpu() - before) / count * 1e6)
