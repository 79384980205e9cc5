"""Loss on the wire, both ways, to two upstreams that are not on this machine: in a network namespace with
addresses of its own, where nft drops packets at random."""

import contextlib
import ctypes
import os
import subprocess
import threading

import faulty as f
import load as l
import pytest
import server as s

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

FULL = bool(os.environ.get("MESHGATE_FULL"))
UPSTREAMS = ["198.51.100.53", "198.51.100.54"]
PORT = 5300
SECONDS = 20 if FULL else 2
# Percent lost each way -> share of the questions that are answered all the same. Five attempts fit into
# 4.5 s: with half of the packets lost each way, one in four of them succeeds.
LOSSES = {1: 0.999, 5: 0.999, 20: 0.985 if FULL else 0.96, 50: 0.7}


@contextlib.contextmanager
def inside(name):
    """This thread, and what it opens, in the network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{name}") as there:
        assert libc.setns(there.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), 0) == 0


@pytest.fixture
def namespace():
    name = f"mg-dns-loss-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        for address in UPSTREAMS:
            subprocess.run(["ip", "-n", name, "addr", "add", f"{address}/32", "dev", "lo"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def lose(namespace, percent):
    """Where they arrive: a packet dropped where it is sent is an error of its sender's."""
    rules = "".join(f"add rule inet wire arrival udp {way} {PORT} numgen random mod 100 < {percent} drop\n"
                    for way in ("dport", "sport"))
    subprocess.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], check=True, text=True,
                   input="table inet wire\ndelete table inet wire\ntable inet wire {\n chain arrival {\n"
                         "  type filter hook input priority 0\n }\n}\n" + rules)


@pytest.mark.parametrize("percent", LOSSES if FULL else [20])
def test_questions_are_answered_over_wires_that_lose_packets(namespace, server, percent):
    with inside(namespace):
        upstreams = [f.FaultyUpstream(address, PORT) for address in UPSTREAMS]
    server.upstreams = [each.endpoint for each in upstreams]
    server.configure()
    server.start(wrapper=["ip", "netns", "exec", namespace])
    lose(namespace, percent)
    load = l.Load(server.port, [{"names": [f"x{{}}.loss{percent}.example"], "rate": 100}],
                  wrapper=["ip", "netns", "exec", namespace])
    try:
        threading.Event().wait(SECONDS)
        result, = load.end()
    finally:
        load.close()
        for each in upstreams:
            each.close()
    print(percent, "% lost:", result)
    assert result["wrong"] == 0, result["examples"]
    assert result["unanswered"] == 0, result
    assert result["right"] >= LOSSES[percent] * result["sent"], result
