"""burst.py PROTOCOL ADDRESS PORT COUNT [SOURCE ...]: as many connections or questions, one after the
other, from the sources in turn. Prints how often who answered, as JSON; with "tcp+peer", and whom he
saw."""

import errno
import json
import socket
import sys

protocol, address, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sources = sys.argv[5:] or [None]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_STREAM if protocol.startswith("tcp") else socket.SOCK_DGRAM
names = {}
for number in range(count):
    source = sources[number % len(sources)]
    try:
        with socket.socket(family, kind) as client:
            client.settimeout(10)
            if source:
                client.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
                client.bind((source, 0))
            client.connect((address, port))
            client.sendall(b"x")
            name = client.recv(4096).decode()
            if protocol != "tcp+peer":
                name = name.split(" ")[0]
            if kind == socket.SOCK_STREAM:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    except TimeoutError:
        name = "timeout"
    except OSError as error:
        name = errno.errorcode.get(error.errno, str(error))
    who = name if len(sources) == 1 else f"{source} {name}"
    names[who] = names.get(who, 0) + 1
print(json.dumps(names))
