"""Who may ask: clients of another machine (a network namespace) beside the server's own."""

import contextlib
import os
import subprocess
import types

import pytest
import server as s

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

HERE, HERE6 = "10.79.0.1", "fd79::1"
THERE, THERE6 = "10.79.0.2", "fd79::2"
NAME = "backend_default_svc_8080.mesh"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def namespace(stack, name):
    ip("netns", "add", name)
    stack.callback(ip, "netns", "del", name)
    ip("-n", name, "link", "set", "lo", "up")


@pytest.fixture(scope="module")
def lan():
    """Two machines with a cable between them."""
    with contextlib.ExitStack() as stack:
        here, there = f"mg-dns-here-{os.getpid()}", f"mg-dns-there-{os.getpid()}"
        namespace(stack, here)
        namespace(stack, there)
        ip("-n", here, "link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", there)
        for name, address, address6 in ((here, HERE, HERE6), (there, THERE, THERE6)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "lan0")
            ip("-n", name, "addr", "add", f"{address6}/64", "dev", "lan0", "nodad")
            ip("-n", name, "link", "set", "lan0", "up")
        yield types.SimpleNamespace(here=here, there=there)


@pytest.fixture
def outside(server, lan):
    """Starts the server with more lines of [dns] and of the file; it listens everywhere."""
    def start(dns="", more=""):
        server.configure(dns=dns, more=more)
        server.edit(f'listen = ["127.0.0.1:{server.port}", "[::1]:{server.port}"]',
                    f'listen = ["0.0.0.0:{server.port}", "[::]:{server.port}"]')
        return server.start(wrapper=("ip", "netns", "exec", lan.here))
    return start


def dig(server, namespace, at, *options, name=NAME):
    """What dig prints when it asks from that namespace."""
    command = ["ip", "netns", "exec", namespace, "dig", f"@{at}", "-p", str(server.port),
               "+time=5", "+tries=1", *options, name]
    return subprocess.run(command, capture_output=True, text=True, timeout=s.PATIENCE).stdout


def refused(text):
    assert "status: REFUSED" in text or "status: NOERROR" in text, text
    if "status: REFUSED" not in text:
        return False
    assert "EDE: 18 (Prohibited)" in text, text
    return True


EVERY_WAY = [(at, option) for at in (HERE, HERE6) for option in ("+notcp", "+tcp")]


def test_by_default_only_this_machine_may_ask(outside, lan):
    server = outside()
    for at, option in EVERY_WAY:
        assert refused(dig(server, lan.there, at, option)), (at, option)
        assert not refused(dig(server, lan.here, at, option)), (at, option)
    for at in ("127.0.0.1", "::1"):
        assert not refused(dig(server, lan.here, at))
    # An own address as the source, another as the destination.
    assert not refused(dig(server, lan.here, "127.0.0.1", "-b", HERE))
    assert server.metrics()['meshgate_dns_responses_total{rcode="REFUSED",source="local"}'] == 4
    assert "they get REFUSED" in server.output()


@pytest.mark.parametrize("dns, more", [
    ('allow = ["10.79.0.0/24", "fd79::2"]', ""),
    ('allow = "lan0"', ""),
    ("", '\n[[redirect.network]]\ninterface = "lan0"\ncidr = ["10.79.0.0/24", "fd79::/64"]\n'),
], ids=["networks", "interface", "captured"])
def test_others_may_ask_when_they_are_named(outside, lan, dns, more):
    server = outside(dns, more)
    for at, option in EVERY_WAY:
        assert not refused(dig(server, lan.there, at, option)), (at, option)
    assert "they get REFUSED" not in server.output()


def test_a_reload_takes_a_changed_list(outside, lan):
    server = outside()
    assert refused(dig(server, lan.there, HERE))
    server.edit("[dns]", '[dns]\nallow = "10.79.0.2"')
    server.reload()
    assert not refused(dig(server, lan.there, HERE))
    assert refused(dig(server, lan.there, HERE6))
    server.edit('allow = "10.79.0.2"', "allow = []")
    server.reload()
    assert refused(dig(server, lan.there, HERE))


def test_a_connection_is_told_once_and_closed(outside, lan):
    server = outside()
    client = """
import socket, struct, sys
import dns.message
query = dns.message.make_query(sys.argv[3], "A").to_wire()
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as c:
    c.sendall((struct.pack("!H", len(query)) + query) * 2)
    got = b""
    while True:
        try:
            more = c.recv(4096)
        except ConnectionResetError:
            break
        if not more:
            break
        got += more
    size = struct.unpack("!H", got[:2])[0]
    print(len(got) - 2 - size, dns.message.from_wire(got[2:]).rcode())
"""
    done = subprocess.run(["ip", "netns", "exec", lan.there, "/usr/bin/python3", "-c", client, HERE,
                           str(server.port), NAME], capture_output=True, text=True,
                          timeout=s.PATIENCE)
    assert done.stdout.split() == ["0", "5"], done


def test_an_address_that_comes_later_is_this_machines_own(outside, lan):
    server = outside(dns='allow = "late0"')
    assert "'late0' has no address" in server.output()
    ip("-n", lan.here, "link", "add", "late0", "type", "veth", "peer", "name", "late0", "netns",
       lan.there)
    try:
        for name, address in ((lan.here, "10.80.0.1/24"), (lan.there, "10.80.0.2/24")):
            ip("-n", name, "addr", "add", address, "dev", "late0")
            ip("-n", name, "link", "set", "late0", "up")
        s.wait_until(lambda: not refused(dig(server, lan.there, "10.80.0.1", "-b", "10.80.0.2")),
                     "the new network may ask")
        assert not refused(dig(server, lan.here, "10.80.0.1", "-b", HERE, "+tcp"))
    finally:
        ip("-n", lan.here, "link", "del", "late0")
    s.wait_until(lambda: refused(dig(server, lan.there, HERE)), "lan0 was never allowed")




def test_only_this_machine_is_told_the_version(outside, lan):
    server = outside(dns='allow = "lan0"')
    version = server.run("--version", config=False).stdout.splitlines()[0]
    ask = ("-c", "CH", "-t", "TXT")
    for way in ("+notcp", "+tcp"):
        assert f'"{version}"' in dig(server, lan.here, "127.0.0.1", way, *ask, name="version.bind")
        assert refused(dig(server, lan.there, HERE, way, *ask, name="version.bind"))
        assert refused(dig(server, lan.there, HERE, way, *ask, name="hostname.bind"))


@pytest.mark.parametrize("at", [HERE, HERE6])
def test_a_source_that_asks_too_often_is_told_to_come_over_tcp(outside, lan, at):
    server = outside(dns='allow = "lan0"\nrate_limit = 5')
    flood = """
import select, socket, sys
import dns.flags, dns.message
query = dns.message.make_query(sys.argv[3], "A")
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
                   socket.SOCK_DGRAM) as c:
    c.connect((sys.argv[1], int(sys.argv[2])))
    for _ in range(205):
        c.send(query.to_wire())
    cut = whole = 0
    while select.select([c], [], [], 1)[0]:
        reply = dns.message.from_wire(c.recv(4096))
        if reply.flags & dns.flags.TC:
            assert not reply.answer and reply.question == query.question
            cut += 1
        else:
            assert reply.answer
            whole += 1
    print(cut, whole)
"""
    done = subprocess.run(["ip", "netns", "exec", lan.there, "/usr/bin/python3", "-c", flood, at,
                           str(server.port), NAME], capture_output=True, text=True,
                          timeout=s.PATIENCE)
    cut, whole = map(int, done.stdout.split())
    assert whole >= 5 and cut >= 50, done
    dropped = server.metrics()['meshgate_dns_dropped_total{reason="rate"}']
    assert cut + whole + dropped == 205
    assert abs(cut - dropped) <= 1 + whole
    # Over TCP, and from this machine, there is no such limit.
    for _ in range(20):
        assert not refused(dig(server, lan.here, at))
    assert "ANSWER: 1," in dig(server, lan.there, at, "+tcp")
    server.edit("rate_limit = 5", "rate_limit = 0")
    server.reload()
    for _ in range(20):
        assert "flags: qr aa rd ra;" in dig(server, lan.there, at, "+ignore")
