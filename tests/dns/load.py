"""An open-loop load in a process of its own: streams of questions at fixed rates, each answer checked.

A stream is a dictionary: "names" (in turn; "{}" becomes a number, so that each is asked once), "rate"
(questions a second), "tcp". "known" maps names to their addresses; all others have the one that
faulty.address_of gives. The result counts for each stream: sent, right, failed (SERVFAIL, REFUSED,
or TC over UDP), unanswered, wrong, broken (connections that ended), and the median and the 99th
percentile of the waiting time in milliseconds."""

import contextlib
import itertools
import json
import select
import socket
import struct
import subprocess
import sys
import time

import faulty as f
import server as s

SOCKETS = 16  # of a stream: their ports spread over the workers
BURST = 64


class Load:
    """The process; from its beginning until end()."""

    def __init__(self, port, streams, known=None, given_up=6, wrapper=()):
        """@param given_up  seconds until a question counts as unanswered."""
        self.given_up = given_up
        spec = json.dumps({"port": port, "streams": streams, "known": known or {}, "given_up": given_up})
        self.process = subprocess.Popen([*wrapper, sys.executable, __file__, spec], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "begun\n"

    def end(self):
        """Lets what is on its way come. @return the results, a dictionary for each stream."""
        out, _ = self.process.communicate(timeout=self.given_up + s.PATIENCE)
        assert self.process.returncode == 0
        return json.loads(out)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def after_name(wire, at):
    while wire[at]:
        if wire[at] >= 0xc0:
            return at + 2
        at += 1 + wire[at]
    return at + 1


def addresses(wire, at):
    """The A records of the answer section, which begins there: those of the question's own name, if
    there are any; else those at the end of its chain."""
    own, others = [], []
    for _ in range(struct.unpack_from("!H", wire, 6)[0]):
        found = own if wire[at:at + 2] == b"\xc0\x0c" else others
        at = after_name(wire, at)
        rdtype, _, _, length = struct.unpack_from("!HHIH", wire, at)
        at += 10 + length
        if rdtype == 1:
            found.append(socket.inet_ntoa(wire[at - 4:at]))
    return own or others


class Stream:
    def __init__(self, spec, port, known):
        self.names, self.rate, self.tcp = spec["names"], spec["rate"], spec.get("tcp", False)
        self.port, self.known = port, known
        self.counter = itertools.count()
        self.count = dict.fromkeys(["sent", "right", "failed", "unanswered", "wrong", "broken"], 0)
        self.examples, self.waits = [], []
        self.waiting = {}  # (socket, id) -> (name, question, since)
        self.given_up = set()  # of these, the ones whose answer came too late or never
        self.sockets = {}
        self.buffers = {}
        for _ in range(4 if self.tcp else SOCKETS):
            self.open()

    def open(self):
        each = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        each.settimeout(1)
        with contextlib.suppress(OSError):
            each.connect(("127.0.0.1", self.port))
        each.setblocking(False)
        self.sockets[each.fileno()] = each
        self.buffers[each.fileno()] = b""

    def send_due(self, begun, now):
        due = min(int(self.rate * (now - begun)) - self.count["sent"], BURST)
        for _ in range(due):
            self.send_one(now)
        return begun + (self.count["sent"] + 1) / self.rate

    def send_one(self, now):
        number = self.count["sent"]
        name = self.names[number % len(self.names)].format(next(self.counter))
        question = name_bytes(name) + b"\0\1\0\1"
        each = list(self.sockets.values())[number % len(self.sockets)]
        ident = number // len(self.sockets) & 0xffff
        wire = struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0) + question
        self.count["sent"] += 1
        try:
            each.send(struct.pack("!H", len(wire)) + wire if self.tcp else wire)
        except ConnectionRefusedError:  # of an earlier datagram, or nobody is there
            self.count["unanswered"] += 1
            return
        except BlockingIOError:
            self.count["unanswered"] += 1
            return
        except OSError:
            self.count["unanswered"] += 1
            return self.broke(each)
        self.waiting[each.fileno(), ident] = (name, question, now)

    def broke(self, each):
        number = each.fileno()
        lost = [key for key in self.waiting if key[0] == number]
        for key in lost:
            del self.waiting[key]
        self.count["unanswered"] += len(lost)
        self.count["broken"] += 1
        del self.sockets[number], self.buffers[number]
        each.close()
        self.open()

    def receive(self, number, now):
        each = self.sockets[number]
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    data = each.recv(65535)
                except ConnectionRefusedError:
                    continue
                except BlockingIOError:
                    return
                except OSError:
                    data = b""
                if self.tcp and not data:
                    return self.broke(each)
                self.take(number, data, now)

    def take(self, number, data, now):
        if not self.tcp:
            return self.check(number, data, now)
        data = self.buffers[number] + data
        while len(data) >= 2 and len(data) >= 2 + struct.unpack_from("!H", data)[0]:
            end = 2 + struct.unpack_from("!H", data)[0]
            self.check(number, data[2:end], now)
            data = data[end:]
        self.buffers[number] = data

    def check(self, number, wire, now):
        asked = self.waiting.pop((number, struct.unpack_from("!H", wire)[0]), None)
        if not asked:
            late = (number, struct.unpack_from("!H", wire)[0]) in self.given_up
            return None if late else self.bad("nobody asked", wire)
        name, question, since = asked
        end = 12 + len(question)
        if not wire[2] & 0x80 or wire[12:end] != question:
            return self.bad(name, wire)
        rcode = wire[3] & 15
        if rcode in (2, 5) or (wire[2] & 2 and not self.tcp):
            self.count["failed"] += 1
        elif rcode == 0 and addresses(wire, end) == [self.known.get(name) or f.address_of(name + ".")]:
            self.count["right"] += 1
            self.waits.append(now - since)
        else:
            self.bad(name, wire)

    def bad(self, name, wire):
        self.count["wrong"] += 1
        self.examples.append(f"{name}: {wire.hex()}")

    def give_up(self, before):
        late = [key for key, asked in self.waiting.items() if asked[2] < before]
        for key in late:
            del self.waiting[key]
        self.given_up.update(late)
        self.count["unanswered"] += len(late)

    def result(self):
        waits = sorted(self.waits) or [0]
        return {**self.count, "median": 1000 * waits[len(waits) // 2],
                "p99": 1000 * waits[len(waits) * 99 // 100], "examples": self.examples[:5]}


def run(spec):
    streams = [Stream(each, spec["port"], spec["known"]) for each in spec["streams"]]
    print("begun", flush=True)
    begun = last_look = time.monotonic()
    ended = None
    while ended is None or (any(each.waiting for each in streams)
                            and time.monotonic() < ended + spec["given_up"]):
        now = time.monotonic()
        if ended is None:
            following = min(each.send_due(begun, now) for each in streams)
        else:
            following = now + 0.1
        if now - last_look > 1:
            last_look = now
            for each in streams:
                each.give_up(now - spec["given_up"])
        of = {number: each for each in streams for number in each.sockets}
        ready, _, _ = select.select([*of, *([sys.stdin] if ended is None else [])], [], [],
                                    max(0, following - now))
        now = time.monotonic()
        for number in ready:
            if number is sys.stdin:
                ended = now
            elif number in of[number].sockets:
                of[number].receive(number, now)
    for each in streams:
        each.count["unanswered"] += len(each.waiting)
    print(json.dumps([each.result() for each in streams]))


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
