"""ask.py udp|tcp SERVER COUNT [--source-port P] [--each-connection] NAME...: asks A questions one
after another, taking the names in turn, and prints one JSON line about what came back.

--source-port P      UDP: every question from a new socket bound to this port
--each-connection    TCP: a connection of its own for each question, closed by us
--progress N         a line "progress" after every N answers
"""

import argparse
import collections
import ipaddress
import json
import socket
import sys

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

parser = argparse.ArgumentParser()
parser.add_argument("protocol", choices=("udp", "tcp"))
parser.add_argument("server")
parser.add_argument("count", type=int)
parser.add_argument("names", nargs="+")
parser.add_argument("--source-port", type=int)
parser.add_argument("--each-connection", action="store_true")
parser.add_argument("--progress", type=int, default=0)
parser.add_argument("--patience", type=float, default=5)
arguments = parser.parse_args()

family = (socket.AF_INET6 if ipaddress.ip_address(arguments.server).version == 6
          else socket.AF_INET)
outcomes = collections.Counter()
open_socket = None


def new_socket():
    if arguments.protocol == "tcp":
        return socket.create_connection((arguments.server, 53), arguments.patience)
    made = socket.socket(family, socket.SOCK_DGRAM)
    if arguments.source_port:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("", arguments.source_port))
    return made


def exchange(question):
    """One question; the first reply that comes is the one that counts. dnspython raises when it
    comes from another address, with another id or for another question."""
    global open_socket
    if open_socket is None:
        open_socket = new_socket()
    if arguments.protocol == "tcp":
        return dns.query.tcp(question, arguments.server, arguments.patience, sock=open_socket)
    return dns.query.udp(question, arguments.server, arguments.patience, sock=open_socket)


for number in range(arguments.count):
    question = dns.message.make_query(arguments.names[number % len(arguments.names)], "A")
    try:
        reply = exchange(question)
        found = sorted(item.to_text() for rrset in reply.answer for item in rrset)
        outcomes[f"{dns.rcode.to_text(reply.rcode())} {' '.join(found)}".strip()] += 1
        keep = not arguments.each_connection and not arguments.source_port
    except (OSError, EOFError, dns.exception.DNSException) as error:
        outcomes[f"{type(error).__name__}: {error}"] += 1
        keep = False
    if open_socket is not None and not keep:
        open_socket.close()
        open_socket = None
    if arguments.progress and (number + 1) % arguments.progress == 0:
        print("progress", flush=True)

print(json.dumps(outcomes), flush=True)
sys.exit(0)
