"""backends.py ADDRESS:PORT=NAME ...: back ends that say who they are, over HTTP and UDP.

A TCP connection may ask in HTTP (`GET / HTTP/1.1`), and gets the name as the body; one that says
nothing gets the name at once. A line `hold` keeps the connection open: each line is answered.
UDP datagrams are answered with the name and the datagram.
"""

import contextlib
import select
import socket
import sys
import threading


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def held(connection, name):
    with connection, contextlib.suppress(OSError):
        connection.settimeout(None)
        while True:
            connection.sendall(b'"%s"\n' % name)
            if not connection.recv(4096):
                return


def answer(connection, name):
    connection.settimeout(10)
    asked = connection.recv(4096)
    if asked.startswith(b"hold"):
        threading.Thread(target=held, args=(connection.dup(), name), daemon=True).start()
    elif asked.startswith(b"GET"):
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                           % (len(name), name))
    else:
        peer = connection.getpeername()[0].encode()
        connection.sendall(name + b" " + peer)


def main():
    poll, listeners = select.poll(), {}
    for word in sys.argv[1:]:
        at, name = word.rsplit("=", 1)
        address, port = at.rsplit(":", 1)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            listener = socket.socket(family_of(address), kind)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, int(port)))
            if kind == socket.SOCK_STREAM:
                listener.listen(1024)
            listeners[listener.fileno()] = (kind, listener, name.encode())
            poll.register(listener, select.POLLIN)
    print("ready", flush=True)
    while True:
        for descriptor, _ in poll.poll():
            kind, listener, name = listeners[descriptor]
            with contextlib.suppress(OSError):
                if kind == socket.SOCK_DGRAM:
                    asked, peer = listener.recvfrom(65536)
                    listener.sendto(name + b" " + asked, peer)
                    continue
                connection, _ = listener.accept()
                with connection:
                    answer(connection, name)


main()
