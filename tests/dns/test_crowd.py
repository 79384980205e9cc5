"""Crowds of TCP clients that say nothing: 20,000 with MESHGATE_FULL, or as many as the machine lets
one process have, 2,000 otherwise; and a daemon that may not open so many files."""

import os
import pathlib
import re
import resource
import socket

import crowd as c
import dns.rcode
import pytest
import server as s

NAME = "backend_default_svc_8080.mesh"
# LimitNOFILE= of the unit; only a privileged machine manager may raise the hard limit.
FILES = min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
COUNT = min(20_000 if os.environ.get("MESHGATE_FULL") else 2_000, FILES * 9 // 10)
LIKE_THE_UNIT = ["prlimit", f"--nofile={FILES}:{FILES}"]
FEW = 256
BYTES_A_CLIENT_MAX = 4096
FILES_OF_OTHERS = 8  # of the admin endpoint, and sockets to upstreams that are renewed


@pytest.fixture
def crowds():
    """Begins crowds, which end with the test."""
    made = []

    def begin(count, port):
        made.append(c.Crowd(count, port, f"127.0.1.{len(made) + 1}"))
        return made[-1]

    yield begin
    for each in made:
        each.kill()


def start(server, upstream, wrapper):
    server.upstreams = [upstream.endpoint]
    server.configure()
    return server.start(wrapper=wrapper)


def files(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return 1024 * int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.M)[1])


def all_is_well(server, upstream, tag):
    """Owned, cached and new names, over UDP and new TCP connections."""
    for number in range(20):
        for tcp in (False, True):
            assert server.address(NAME, tcp=tcp) == "240.0.0.0"
            assert server.address("popular.example", tcp=tcp) == upstream.address
            assert server.address(f"{tag}{number}-{tcp}.example", tcp=tcp) == upstream.address


def test_a_crowd_of_idle_clients_costs_little_and_stops_nobody(server, upstream, crowds):
    start(server, upstream, LIKE_THE_UNIT)
    assert "files may be open" not in server.output()
    for number in range(500):  # until the sockets to the upstream are as many as they become
        server.address(f"warm{number}.example")
    all_is_well(server, upstream, "before")
    files_before, bytes_before = files(server), resident_bytes(server)
    begun = [crowds(COUNT // 2, server.port) for _ in range(2)]
    assert sum(each.connected() for each in begun) == COUNT
    s.wait_until(lambda: files(server) >= files_before + COUNT - FILES_OF_OTHERS, "all accepted")
    bytes_each = (resident_bytes(server) - bytes_before) / COUNT
    print(f"{COUNT} idle clients: {bytes_each:.0f} bytes each")
    all_is_well(server, upstream, "during")
    assert bytes_each < BYTES_A_CLIENT_MAX
    assert sum(each.close() for each in begun) == 0
    s.wait_until(lambda: files(server) <= files_before + FILES_OF_OTHERS, "files as before")
    all_is_well(server, upstream, "after")
    assert server.metrics().get('meshgate_dns_dropped_total{reason="tcp_limit"}', 0) == 0


def test_a_daemon_with_few_files_says_so_and_serves_the_newest_clients(server, upstream, crowds):
    """The crowd is there before the first socket to an upstream is opened."""
    start(server, upstream, ["prlimit", f"--nofile={FEW}:{FEW}"])
    assert re.search(rf"warning: only {FEW} files may be open .*: at most \d+ clients", server.output())
    begun = crowds(2 * FEW, server.port)
    assert begun.connected() == 2 * FEW
    all_is_well(server, upstream, "during")
    assert files(server) <= FEW
    assert begun.close() >= FEW
    all_is_well(server, upstream, "after")


def test_a_crowd_that_drips_half_a_message_makes_room_for_others(server, upstream):
    """Slowloris: half a message keeps nobody's place."""
    start(server, upstream, ["prlimit", f"--nofile={FEW}:{FEW}"])
    dripping = []
    try:
        for _ in range(2 * FEW):
            dripping.append(socket.create_connection(("127.0.0.1", server.port), s.PATIENCE))
            dripping[-1].sendall(b"\x00\x40\x12")
        all_is_well(server, upstream, "during")
    finally:
        for each in dripping:
            each.close()


def test_clients_that_ask_and_never_read_stop_nobody(server, upstream):
    """What they do not read waits in the kernel or, with a bound, in the daemon."""
    start(server, upstream, ["prlimit", f"--nofile={FEW}:{FEW}"])
    query = s.dns.message.make_query(NAME, "A").to_wire()
    asking = []
    try:
        for _ in range(FEW):
            asking.append(socket.create_connection(("127.0.0.1", server.port), s.PATIENCE))
            asking[-1].sendall((len(query).to_bytes(2, "big") + query) * 50)
            assert server.ask(NAME).rcode() == dns.rcode.NOERROR
        assert server.address("other.example") == upstream.address
        assert server.address(NAME, tcp=True) == "240.0.0.0"
    finally:
        for each in asking:
            each.close()
