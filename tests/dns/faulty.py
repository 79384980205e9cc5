"""A name server on loopback that does wrong what it is told to, to as many questions as it is told to.

Every A question has one right answer, address_of(name). A fault is a function of (upstream, query,
reply, send): it says what goes out in the place of the right reply, in what order. `strength` is the
share of the questions that it meets, chosen by the name, so that a question that is asked again meets
it again."""

import contextlib
import hashlib
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import server as s

WRONG = "203.0.113.66"  # in no right answer


def address_of(name):
    digest = hashlib.sha256(str(name).lower().encode()).digest()
    return f"198.18.{digest[0]}.{digest[1]}"


def is_met(name, strength):
    return hashlib.sha256(b"met" + str(name).lower().encode()).digest()[0] < 256 * strength


def answer(query, address=None, ttl=60):
    question = query.question[0]
    reply = dns.message.make_response(query, recursion_available=True)
    if question.rdtype == dns.rdatatype.A:
        reply.answer.append(dns.rrset.from_text(question.name, ttl, "IN", "A",
                                                address or address_of(question.name)))
    return reply


def with_address(query, address):
    return answer(query, address).to_wire()


# --- faults over UDP: those that a good reply follows are to change nothing ----------------------


def drop(upstream, query, reply, send):
    pass


def delay(upstream, query, reply, send):
    upstream.later(0.4, lambda: send(reply.to_wire()))


def duplicate(upstream, query, reply, send):
    for _ in range(3):
        send(reply.to_wire())


def reorder(upstream, query, reply, send):
    """The reply of each question comes with the next one's, or a little later."""
    upstream.swap(lambda: send(reply.to_wire()))


def wrong_id(upstream, query, reply, send):
    bad = bytearray(with_address(query, WRONG))
    for number in range(50):
        bad[:2] = struct.pack("!H", query.id + 1 + number & 0xffff)
        send(bytes(bad))
    send(reply.to_wire())


def wrong_port(upstream, query, reply, send):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        send(with_address(query, WRONG), other)
    send(reply.to_wire())


def wrong_address(upstream, query, reply, send):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))
        send(with_address(query, WRONG), other)
    send(reply.to_wire())


def wrong_case(upstream, query, reply, send):
    """The question in letters that were not sent."""
    bad = dns.message.make_query(str(query.question[0].name).swapcase(), "A")
    bad.id = query.id
    send(with_address(bad, WRONG))
    send(reply.to_wire())


def wrong_question(upstream, query, reply, send):
    other = dns.message.make_query("other.example", "A")
    other.id = query.id
    for rdtype in ("A", "AAAA"):
        bad = dns.message.make_query(query.question[0].name, rdtype)
        bad.id = query.id
        send(dns.message.make_response(bad).to_wire() if rdtype == "AAAA" else with_address(other, WRONG))
    none = dns.message.Message(id=query.id)
    none.flags = dns.flags.QR
    send(none.to_wire())
    send(reply.to_wire())


def garbage(upstream, query, reply, send):
    head = struct.pack("!H", query.id)
    for junk in (b"", b"\0", head, head + b"\x81\x80", head + b"\xff" * 30, head + bytes(400),
                 reply.to_wire()[:-3], head + b"\x81\x80\0\1\0\1\0\0\0\0" + b"\xc0\x0c" * 50):
        send(junk)
    send(reply.to_wire())


def no_response(upstream, query, reply, send):
    """QR=0: a question with the right id and question, from the right place."""
    send(query.to_wire())
    send(reply.to_wire())


def short_answer(upstream, query, reply, send):
    """Counts more records than it has."""
    bad = bytearray(with_address(query, WRONG))
    bad[7] = 9
    send(bytes(bad))
    send(reply.to_wire())


def truncated(upstream, query, reply, send):
    reply.answer.clear()
    reply.flags |= dns.flags.TC
    send(reply.to_wire())


def formerr_on_edns(upstream, query, reply, send):
    if query.edns < 0:
        send(reply.to_wire())
        return
    bad = dns.message.make_response(query)
    bad.use_edns(-1)
    bad.set_rcode(dns.rcode.FORMERR)
    send(bad.to_wire())


def servfail(upstream, query, reply, send):
    reply.answer.clear()
    reply.set_rcode(dns.rcode.SERVFAIL)
    send(reply.to_wire())


def refused(upstream, query, reply, send):
    reply.answer.clear()
    reply.set_rcode(dns.rcode.REFUSED)
    send(reply.to_wire())


def huge_ttl(upstream, query, reply, send):
    send(answer(query, ttl=0x7fffffff).to_wire())


def zero_ttl(upstream, query, reply, send):
    send(answer(query, ttl=0).to_wire())


def cname_loop(upstream, query, reply, send):
    name = query.question[0].name
    other = dns.name.from_text("loop." + str(name))
    reply.answer[:] = [dns.rrset.from_text(name, 60, "IN", "CNAME", str(other)),
                       dns.rrset.from_text(other, 60, "IN", "CNAME", str(name))]
    send(reply.to_wire())


def cname_chain(upstream, query, reply, send):
    """Seventeen names to the address."""
    name = query.question[0].name
    reply.answer.clear()
    last = name
    for number in range(17):
        following = dns.name.from_text(f"c{number}.chain.example")
        reply.answer.append(dns.rrset.from_text(last, 60, "IN", "CNAME", str(following)))
        last = following
    reply.answer.append(dns.rrset.from_text(last, 60, "IN", "A", address_of(name)))
    send(reply.to_wire())


def poison(upstream, query, reply, send):
    """Records that nobody asked for, in every section, about a name that will be asked next."""
    victim = upstream.victim
    reply.answer.append(dns.rrset.from_text(victim, 3600, "IN", "A", WRONG))
    reply.authority.append(dns.rrset.from_text("example.", 3600, "IN", "NS", "evil.example."))
    reply.authority.append(dns.rrset.from_text(victim, 3600, "IN", "A", WRONG))
    reply.additional.append(dns.rrset.from_text("evil.example.", 3600, "IN", "A", WRONG))
    reply.additional.append(dns.rrset.from_text(victim, 3600, "IN", "A", WRONG))
    send(reply.to_wire())


# --- faults over TCP, after a truncated reply over UDP --------------------------------------------


def tcp_slowly(upstream, connection, wire):
    for byte in struct.pack("!H", len(wire)) + wire:
        connection.sendall(bytes([byte]))


def tcp_reset(upstream, connection, wire):
    connection.sendall(struct.pack("!H", len(wire)) + wire[:7])
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def tcp_silent(upstream, connection, wire):
    pass


def tcp_truncated(upstream, connection, wire):
    reply = dns.message.from_wire(wire)
    reply.answer.clear()
    reply.flags |= dns.flags.TC
    dns.query.send_tcp(connection, reply.to_wire())


def tcp_64k(upstream, connection, wire):
    """The right address, and text up to the last byte that a message may have."""
    reply = dns.message.from_wire(wire)
    name = reply.question[0].name
    texts = [f'"{number:04}{"x" * 250}"' for number in range(240)]
    reply.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *texts))
    dns.query.send_tcp(connection, reply.to_wire(max_size=65535))


TCP_FAULTS = {tcp_slowly, tcp_reset, tcp_silent, tcp_truncated, tcp_64k}


class FaultyUpstream:
    def __init__(self, host="127.0.0.1", port=None):
        self.host, self.port = host, port or s.free_port()
        self.fault, self.strength = None, 0.0
        self.victim = "victim.example."
        self.questions, self.ids = [], set()
        self._held = None
        self._lock = threading.Lock()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((self.host, self.port))
        self.tcp = socket.create_server((self.host, self.port), backlog=128)
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    @property
    def endpoint(self):
        return f"{self.host}:{self.port}"

    def later(self, seconds, action):
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()

    def swap(self, action):
        with self._lock:
            held, self._held = self._held, action
        if held:
            action()
            held()
            with self._lock:
                self._held = None
        else:
            self.later(0.2, self._let_go)

    def _let_go(self):
        with self._lock:
            held, self._held = self._held, None
        if held:
            held()

    def _serve_udp(self):
        with contextlib.suppress(OSError, ValueError):
            while True:
                wire, client = self.udp.recvfrom(65535)
                if not wire:  # shut down
                    return
                query = dns.message.from_wire(wire)
                name, rest = query.question[0].to_text().split(" ", 1)
                self.questions.append(f"{name.lower()} {rest}")  # letters come in random case
                self.ids.add(query.id)

                def send(data, by=None, client=client):
                    with contextlib.suppress(OSError):
                        (by or self.udp).sendto(data, client)

                reply = answer(query)
                fault = self.fault  # once: the test may end it in between
                if fault and is_met(query.question[0].name, self.strength):
                    udp_fault = truncated if fault in TCP_FAULTS else fault
                    udp_fault(self, query, reply, send)
                else:
                    send(reply.to_wire())

    def _serve_tcp(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.tcp.accept()
                threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection):
        with contextlib.suppress(OSError, EOFError):
            while True:
                query = dns.query.receive_tcp(connection)[0]
                wire = answer(query).to_wire()
                fault = self.fault
                if fault in TCP_FAULTS and is_met(query.question[0].name, self.strength):
                    fault(self, connection, wire)
                else:
                    dns.query.send_tcp(connection, wire)

    def close(self):
        for each in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
