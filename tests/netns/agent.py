"""agent.py: makes traffic in the namespace that it runs in, as whatever user it is told.

One JSON request a line on standard input, one JSON answer a line on standard output. A socket
belongs, for netfilter's skuid, to the user that created it: so one process can be all users.
"""

import contextlib
import errno
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
import traceback

SO_ORIGINAL_DST = 80  # linux/netfilter_ipv4.h and netfilter_ipv6/ip6_tables.h
IP_PKTINFO = 8  # linux/in.h; not in this Python
PATIENCE_S = 10


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@contextlib.contextmanager
def as_user(uid, gid=0):
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def new_socket(uid, kind, address, source=None, gid=0, mark=0):
    with as_user(uid, gid):
        made = socket.socket(family_of(address), kind)
    made.settimeout(PATIENCE_S)
    if mark:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("I", mark))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if source:
        made.bind(tuple(source))
    return made


def failed(error):
    if isinstance(error, TimeoutError):
        return {"error": "timeout"}
    return {"error": errno.errorcode.get(error.errno, str(error))}


def read_all(connection):
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def tcp(uid, to, source=None, close="server", count=1, gid=0, mark=0):
    """Connects, says hello, returns who answered. close: who ends the connection first."""
    answer = None
    for _ in range(count):
        try:
            with new_socket(uid, socket.SOCK_STREAM, to[0], source, gid, mark) as client:
                client.connect(tuple(to))
                client.sendall(close.encode() + b"\n")
                if close == "client":
                    answer = json.loads(client.makefile().readline())
                    client.shutdown(socket.SHUT_WR)
                    client.recv(1)
                else:
                    answer = json.loads(read_all(client))
        except OSError as error:
            return failed(error)
    return answer


def udp(uid, to, source=None, payload="query", gid=0, mark=0):
    """One datagram and its reply, which has to come from where the datagram went."""
    try:
        with new_socket(uid, socket.SOCK_DGRAM, to[0], source, gid, mark) as client:
            client.sendto(payload.encode(), tuple(to))
            reply, sender = client.recvfrom(65536)
    except OSError as error:
        return failed(error)
    if list(sender[:2]) != list(to[:2]):
        return {"error": f"answer from {sender[0]}:{sender[1]}"}
    return json.loads(reply)


def udp_many(uid, to, count, source=None):
    """`count` queries from one socket, one after the other. Returns how often who answered."""
    names = {}
    with new_socket(uid, socket.SOCK_DGRAM, to[0], source) as client:
        for number in range(count):
            try:
                client.sendto(f"app {number}".encode(), tuple(to))
                reply, sender = client.recvfrom(65536)
                answer = json.loads(reply)
                right = answer["payload"] == f"app {number}" and list(sender[:2]) == list(to[:2])
                name = answer["name"] if right else "wrong answer"
            except OSError as error:
                name = failed(error)["error"]
            names[name] = names.get(name, 0) + 1
    return names


def udp_turns(app, proxy, to, port, turns):
    """The same source port used in turn by the application and by the proxy."""
    any_address = "::" if ":" in to[0] else "0.0.0.0"
    names = {"app": {}, "proxy": {}}
    for turn in range(turns):
        for who, uid in (("app", app), ("proxy", proxy)):
            answer = udp(uid, to, [any_address, port], f"{who} {turn}")
            name = answer.get("name") or answer["error"]
            names[who][name] = names[who].get(name, 0) + 1
    return names


# --- connections that stay --------------------------------------------------------------------

HELD = {}


def hold(uid, to, name, source=None, gid=0, mark=0):
    """Opens a connection that stays open under `name`; returns who answers there."""
    HELD[name] = new_socket(uid, socket.SOCK_STREAM, to[0], source, gid, mark)
    HELD[name].connect(tuple(to))
    return say(name, "hold")


def say(name, word="again"):
    """One line and its answer over that connection."""
    try:
        HELD[name].sendall(word.encode() + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            piece = HELD[name].recv(65536)
            if not piece:
                return {"error": "EOF"}
            data += piece
    except OSError as error:
        return failed(error)
    return json.loads(data)


def ended(name):
    """Waits until that connection ends by itself; nothing is sent. Returns how."""
    try:
        while HELD[name].recv(65536):
            pass
    except OSError as error:
        return failed(error)
    return {"error": "EOF"}


def let_go(name):
    HELD.pop(name).close()
    return {}


def hold_udp(uid, to, name, source=None):
    HELD[name] = new_socket(uid, socket.SOCK_DGRAM, to[0], source)
    HELD[name].connect(tuple(to))
    return {}


def wait_udp(uid, at, name):
    """A socket that waits for questions, which are answered when it is told so."""
    HELD[name] = new_socket(uid, socket.SOCK_DGRAM, at[0], at)
    return {}


def ask_udp(name):
    HELD[name].send(b"query")
    return {}


def answer_udp(name):
    """Answers the next question at the socket `name`."""
    _, peer = HELD[name].recvfrom(65536)
    HELD[name].sendto(json.dumps({"name": name}).encode(), peer)
    return {}


def hear_udp(name):
    try:
        return json.loads(HELD[name].recv(65536))
    except OSError as error:
        return failed(error)


def say_udp(name):
    try:
        HELD[name].send(b"query")
        return json.loads(HELD[name].recv(65536))
    except OSError as error:
        return failed(error)


# --- raw packets --------------------------------------------------------------------------------


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def tcp_packet(source, target, flags):
    header = struct.pack("!HHIIBBHHH", source[1], target[1], 1000, 2000, 5 << 4, flags, 1024, 0, 0)
    pseudo = (socket.inet_aton(source[0]) + socket.inet_aton(target[0]) +
              struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(header)))
    return header[:16] + struct.pack("!H", checksum(pseudo + header)) + header[18:]


def raw_tcp(source, to, flags, then_to):
    """Sends one TCP packet of these flags, then a SYN to another port that surely is answered.
    Returns the flags of the answers to the first that came before the answer to the second."""
    answers = []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.settimeout(PATIENCE_S)
        raw.bind((source[0], 0))
        raw.sendto(tcp_packet(source, to, flags), (to[0], 0))
        raw.sendto(tcp_packet(source, then_to, 0x02), (then_to[0], 0))
        while True:
            packet = raw.recv(65536)
            header = packet[(packet[0] & 15) * 4:]
            from_port, to_port = struct.unpack("!HH", header[:4])
            if to_port != source[1]:
                continue
            if from_port == then_to[1]:
                return {"flags": answers}
            if from_port == to[1]:
                answers.append(header[13])


# --- servers ------------------------------------------------------------------------------------


def original_destination(connection):
    """Where the client meant to go: what SO_ORIGINAL_DST says, None when it knows nothing."""
    try:
        if connection.family == socket.AF_INET6 and not connection.getsockname()[0].startswith("::ffff:"):
            raw = connection.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
            return [socket.inet_ntop(socket.AF_INET6, raw[8:24]), struct.unpack("!H", raw[2:4])[0]]
        raw = connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        return [socket.inet_ntoa(raw[4:8]), struct.unpack("!H", raw[2:4])[0]]
    except OSError:
        return None


def plain(address):
    return [address[0].removeprefix("::ffff:"), address[1]]


class Server:
    """Listeners of one user in a process of their own; says on every connection who it is."""

    def __init__(self, name, tcp_ports, udp_ports, upstream, log, address):
        self.name, self.upstream, self.log = name, upstream, open(log, "a", buffering=1)
        self.listeners = {}
        for port in tcp_ports:
            listener = socket.socket(family_of(address or "::"))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if not address:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind((address or "::", port))
            listener.listen(256)
            self.listeners[listener.fileno()] = (self.serve_tcp, listener, port)
        for port in udp_ports:
            for at in [address] if address else ["0.0.0.0", "::"]:
                listener = socket.socket(family_of(at), socket.SOCK_DGRAM)
                if ":" in at:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                else:
                    listener.setsockopt(socket.SOL_IP, IP_PKTINFO, 1)
                listener.bind((at, port))
                self.listeners[listener.fileno()] = (self.serve_udp, listener, port)

    def run(self):
        import select
        poll = select.poll()
        for descriptor in self.listeners:
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                serve, listener, port = self.listeners[descriptor]
                with contextlib.suppress(OSError, ValueError):
                    serve(listener, port)

    def note(self, **what):
        self.log.write(json.dumps({"name": self.name, **what}) + "\n")

    def serve_tcp(self, listener, port):
        connection, peer = listener.accept()
        with connection:
            connection.settimeout(PATIENCE_S)
            said = {"name": self.name, "port": port, "peer": plain(peer),
                    "original": original_destination(connection)}
            self.note(tcp=port, peer=plain(peer))
            close = connection.makefile().readline().strip()
            connection.sendall(json.dumps(said).encode() + b"\n")
            if close == "client":
                read_all(connection)
            if close == "hold":
                self.hold(connection.dup(), said)

    def hold(self, connection, said):
        """Answers every line of it, until it ends."""
        connection.settimeout(None)

        def answer():
            with connection, contextlib.suppress(OSError):
                while connection.recv(65536):
                    connection.sendall(json.dumps(said).encode() + b"\n")

        threading.Thread(target=answer, daemon=True).start()

    def serve_udp(self, listener, port):
        payload, ancillary, _, peer = listener.recvmsg(65536, 256)
        text = payload.decode()
        self.note(udp=port, peer=plain(peer), payload=text)
        if self.upstream:
            self.ask_upstream(text)
        said = {"name": self.name, "port": port, "peer": plain(peer), "payload": text}
        # From the address that was asked: the packet information goes back as it came.
        back = [(level, kind, value) for level, kind, value in ancillary]
        if listener.family == socket.AF_INET:
            back = [(level, kind, struct.pack("i", 0) + value[4:8] + bytes(4))
                    for level, kind, value in back]
        listener.sendmsg([json.dumps(said).encode()], back, 0, peer)

    def ask_upstream(self, text):
        with socket.socket(family_of(self.upstream[0]), socket.SOCK_DGRAM) as upstream:
            upstream.settimeout(PATIENCE_S)
            upstream.connect(tuple(self.upstream))
            upstream.send(f"upstream of {text}".encode())
            upstream.recv(65536)


def serve(uid, name, log, tcp=(), udp=(), upstream=None, address=None):
    """address: the one to listen at; otherwise at all. upstream: asked once for each query."""
    ready, said = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ready)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            open(log, "a").close()
            os.chmod(log, 0o666)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            server = Server(name, tcp, udp, upstream, log, address)
            os.write(said, b"ready")
            os.close(said)
            server.run()
        except BaseException:  # what goes wrong here must not go on in the agent's own stack
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(said)
    with os.fdopen(ready, "rb") as pipe:
        assert pipe.read() == b"ready", f"server {name} did not start"
    return {"pid": child}


def stop(pid):
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    return {}


def load(uid, tcp_to, udp_to, seconds):
    """Connections and queries one after the other until the next request comes in, and a few
    more, so that a slow machine makes some too."""
    import select
    counts = {"tcp": {}, "udp": {}}
    deadline = time.monotonic() + seconds
    more = 3
    while more and time.monotonic() < deadline:
        if select.select([sys.stdin], [], [], 0)[0]:
            more -= 1
        for kind, ask, to in (("tcp", tcp, tcp_to), ("udp", udp, udp_to)):
            answer = ask(uid, to)
            name = answer.get("name") or answer["error"]
            counts[kind][name] = counts[kind].get(name, 0) + 1
    return counts


def nothing():
    return {}


OPERATIONS = {operation.__name__: operation for operation in
              (tcp, udp, udp_many, udp_turns, hold, say, ended, let_go, hold_udp, say_udp,
               wait_udp, ask_udp, answer_udp, hear_udp, raw_tcp, serve, stop, load, nothing)}


def main():
    while line := sys.stdin.readline():
        request = json.loads(line)
        operation = OPERATIONS[request.pop("do")]
        print(json.dumps(operation(**request)), flush=True)


if __name__ == "__main__":
    main()
