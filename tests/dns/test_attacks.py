"""What an attacker can try from outside, by the advisories that tell of it (the ledger is
ADVISORIES.md beside this file)."""

import html
import json
import os
import pathlib
import socket
import struct
import threading

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset
import faulty as f
import pytest
import server as s


@pytest.fixture
def faulty():
    made = f.FaultyUpstream()
    yield made
    made.close()


@pytest.fixture
def guarded(server, faulty):
    server.upstreams = [faulty.endpoint]
    server.configure()
    return server.start()


def ports_of(pid):
    """The UDP ports that the process has open."""
    inodes = set()
    for each in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(each.readlink()).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            pass
    lines = open(f"/proc/{pid}/net/udp").read().splitlines()[1:]
    return {int(line.split()[1].split(":")[1], 16) for line in lines if line.split()[9] in inodes}


@pytest.mark.parametrize("knowledge", ["blind", "the ports", "the ports and the question"])
def test_spoofed_replies_are_never_taken(guarded, faulty, knowledge):
    """DNSpooq CVE-2020-25684 to -25686, SAD DNS CVE-2020-25705: an upstream that says nothing, and
    an attacker with its address who may know more and more, all but the id."""
    faulty.fault, faulty.strength = f.drop, 1.0
    name = "spoofed.example."
    replies = []
    asker = threading.Thread(target=lambda: replies.append(guarded.ask(name)))
    asker.start()
    s.wait_until(lambda: faulty.questions, "the question")
    question = name if knowledge.endswith("question") else "else.example."
    bad = bytearray(f.with_address(dns.message.make_query(question, "A"), f.WRONG))
    ports = sorted(ports_of(guarded.process.pid) - {guarded.port})
    assert ports
    if knowledge == "blind":
        ports = range(20000, 20000 + len(ports))
    sent = 0
    while asker.is_alive() and sent < 200_000:
        for port in ports:
            bad[:2] = struct.pack("!H", (sent * 7919) & 0xffff)
            if faulty.ids and knowledge.endswith("question"):
                # The id is all that is left to guess; whoever guesses it is not to be told apart.
                if struct.unpack("!H", bad[:2])[0] in faulty.ids:
                    continue
            try:
                faulty.udp.sendto(bytes(bad), ("127.0.0.1", port))
            except OSError:
                pass
            sent += 1
    asker.join()
    assert f.WRONG not in [record.to_text() for each in replies[0].answer for record in each]
    faulty.fault = None
    # Each worker may remember that there was no answer, for a moment.
    right = [f.address_of(name)]
    s.wait_until(lambda: [record.to_text() for each in guarded.ask(name).answer for record in each]
                 == right, "the end of the fault")


def test_two_daemons_that_ask_each_other_are_cut_soon(folder, server):
    """Loops: TsuKing, NXNS and their kind. On one machine neither can know the other from a client;
    what is asked already is not asked again, so each worker asks once, and repeats it once."""
    other_folder = folder / "other"
    other_folder.mkdir()
    other = s.Server(other_folder)
    try:
        server.upstreams, other.upstreams = [f"127.0.0.1:{other.port}"], [f"127.0.0.1:{server.port}"]
        for each in (server, other):
            each.configure()
        server.start(ready="/healthz")
        other.start(ready="/healthz")
        reply = server.ask("loop.example", use_edns=0)
        assert reply.rcode() == dns.rcode.SERVFAIL
        asked = sum(value for each in (server, other) for key, value in each.metrics().items()
                    if key.startswith("meshgate_dns_upstream_requests_total"))
        workers = 2 * len(os.sched_getaffinity(0))
        assert asked <= 2 * workers, asked
    finally:
        other.close()


def test_ten_thousand_options_and_doubled_ones(guarded):
    """CVE-2026-41292, -42944, -42004: options without end, and each of them twice."""
    query = dns.message.make_query("options.example", "A", use_edns=0)
    wire = query.to_wire()
    for options in (struct.pack("!HH", 65001, 0) * 10_000, struct.pack("!HH", 3, 0) * 2,
                    struct.pack("!HH8s", 10, 8, b"12345678") * 2, struct.pack("!HH", 12, 0) * 100,
                    struct.pack("!HHI", 8, 4, 0x00010000) * 2, struct.pack("!HH", 11, 0) * 2):
        long = wire[:-2] + struct.pack("!H", len(options)) + options
        with socket.create_connection(("127.0.0.1", guarded.port), timeout=s.PATIENCE) as client:
            client.sendall(struct.pack("!H", len(long)) + long)
            head = client.recv(2)
            assert len(head) == 2
        if len(long) < 65000:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(s.PATIENCE)
                client.sendto(long, ("127.0.0.1", guarded.port))
                assert len(client.recv(65535)) >= 12
    assert guarded.address("after.example") == f.address_of("after.example.")


HOSTILE_LABELS = [b"<script>alert(1)</script>", b'"} 1\nevil_metric 1\n', b"\n\n", b'\\"', b"\x00\x1b[2J",
                  b"a\r\nSet-Cookie: x=y", b"%n%s", "ü".encode()]


def test_nothing_in_a_name_breaks_what_people_read(guarded):
    """dnsdist CVE-2026-0396, -40011: a name is in no metric, and in JSON and in logs it is text."""
    for label in HOSTILE_LABELS:
        wire = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + bytes([len(label)]) + label
        wire += b"\x07example\x00" + struct.pack("!HH", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(s.PATIENCE)
            client.sendto(wire, ("127.0.0.1", guarded.port))
            client.recv(65535)
    metrics = guarded.get("/metrics")[1]
    assert "evil_metric" not in metrics and "<script>" not in metrics
    json.loads(guarded.get("/api/v1/status")[1])
    log = guarded.output()
    assert "\x1b" not in log and html.escape("<script>") not in log and "Set-Cookie" not in log


def test_nothing_in_a_reply_breaks_what_query_prints(guarded, faulty):
    """A reply's texts, of records and of extended errors (RFC 8914 section 6), are an upstream's."""
    def hostile(upstream, query, reply, send):
        evil = "\x1b[2J\nmeshgate-dns: notice: all is well\r\x7f"
        reply.answer.clear()
        if query.question[0].rdtype == dns.rdatatype.TXT:
            text = dns.rdtypes.ANY.TXT.TXT("IN", "TXT", [evil.encode()])
            reply.answer.append(dns.rrset.from_rdata(query.question[0].name, 60, text))
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.use_edns(options=[dns.edns.EDEOption(dns.edns.EDECode.BLOCKED, evil)])
        send(reply.to_wire())

    faulty.fault, faulty.strength = hostile, 1.0
    done = guarded.run("query", "values.example", "TXT")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '"\\027[2J\\010meshgate-dns: notice: all is well\\013\\127"\n'
    done = guarded.run("query", "errors.example")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and done.stderr[:-1].isprintable(), done.stderr
    assert "extended error 15: \\x1b[2J\\x0a" in done.stderr


def test_junk_at_both_doors_and_then_all_is_well(guarded):
    """Every byte string that is no query, over UDP and TCP; the daemon answers on."""
    junk = [b"", b"\0", b"\xff" * 12, bytes(range(256)) * 4, b"\0\0\1\0" + b"\xff\xff" * 4 + b"\xc0\x0c" * 200,
            struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 65535) + b"\0\0\1\0\1",
            struct.pack("!HHHHHH", 1, 0x8180, 1, 0, 0, 0) + b"\0\0\1\0\1",
            struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0) + b"\x3f" + b"a" * 63 + b"\xc0\x0c\0\1\0\1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for each in junk * 20:
            client.sendto(each, ("127.0.0.1", guarded.port))
    for each in junk:
        with socket.create_connection(("127.0.0.1", guarded.port), timeout=s.PATIENCE) as client:
            client.sendall(struct.pack("!H", len(each)) + each)
    assert guarded.address("after.example") == f.address_of("after.example.")
    assert guarded.process.poll() is None


def test_a_server_that_never_ends_its_cname_chain_is_not_followed(guarded, faulty):
    """CVE-2026-44390 and its kind: what is passed on is what was said; nobody chases names."""
    faulty.fault, faulty.strength = f.cname_loop, 1.0
    guarded.ask("chase.example")
    assert len(faulty.questions) <= 2


@pytest.mark.parametrize("tcp", [False, True])
def test_nobody_transfers_or_notifies(guarded, faulty, tcp):
    """CVE-2025-59030, CVE-2026-33600: zones are neither taken nor given, and updates are not made."""
    exchange = dns.query.tcp if tcp else dns.query.udp
    for rdtype in ("AXFR", "IXFR"):
        query = dns.message.make_query("mesh", rdtype)
        reply = exchange(query, "127.0.0.1", port=guarded.port, timeout=s.PATIENCE)
        assert reply.rcode() in (dns.rcode.NOTIMP, dns.rcode.REFUSED, dns.rcode.FORMERR), reply
    for opcode in (dns.opcode.NOTIFY, dns.opcode.UPDATE, dns.opcode.STATUS, dns.opcode.IQUERY):
        query = dns.message.make_query("example.org", "SOA")
        query.set_opcode(opcode)
        reply = exchange(query, "127.0.0.1", port=guarded.port, timeout=s.PATIENCE)
        assert reply.rcode() == dns.rcode.NOTIMP, reply
    assert faulty.questions == []
