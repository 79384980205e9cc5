"""steady.py ADDRESS PORT COUNT FILE: HTTP requests, one after the other, each over a connection of
its own, until there were COUNT and FILE is there. Says how many, and when which failed, as JSON."""

import errno
import json
import os
import socket
import sys
import time


def ask(address, port):
    """None, or what went wrong."""
    try:
        with socket.create_connection((address, port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while piece := client.recv(4096):
                answer += piece
        return None if answer.startswith(b"HTTP/1.1 200 ") else "no answer"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def main():
    address, port, count, path = sys.argv[1:]
    failures, done = [], 0
    while done < int(count) or not os.path.exists(path):
        began = time.monotonic()
        error = ask(address, int(port))
        done += 1
        if error:
            failures.append((began, time.monotonic(), error))
    print(json.dumps({"count": done, "failures": failures}))


main()
