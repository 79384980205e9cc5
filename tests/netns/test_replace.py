"""A new configuration takes the place of the old one while traffic flows."""

import os
import subprocess

import lab
import network as n

ENGINES = n.ENGINES

REPLACES = 1000 if os.environ.get("MESHGATE_FULL") else 50
LIMIT_S = 1100 if os.environ.get("MESHGATE_FULL") else 140


def test_replacing_under_load_leaks_nothing_and_fails_nothing(network):
    configs = [network.config(n.DNS_ALL + f"[redirect.inbound]\nexclude_ports = [22, {port}]\n")
               for port in (2222, 2223)]
    assert network.run("install", config=configs[0]).returncode == 0
    network.vm.begin("load", uid=n.APP, tcp_to=[n.FAR, 80], udp_to=[n.FAR, 53], seconds=LIMIT_S)
    for number in range(REPLACES):
        done = network.run("install", config=configs[(number + 1) % 2])
        assert done.returncode == 0, done.stderr
    network.vm.begin("nothing")
    counts = network.vm.end()
    network.vm.end()
    assert list(counts["tcp"]) == ["outbound"], counts
    assert list(counts["udp"]) == ["resolver"], counts
    assert counts["tcp"]["outbound"] > REPLACES
    assert not [line for line in network.seen_outside() if "tcp" in line]


def test_a_captured_connection_survives_a_replace(network):
    """The translation of a flow is conntrack's, not the table's."""
    network.install()
    client = ("import socket, sys\n"
              f"s = socket.create_connection(('{n.FAR}', 80), 10)\n"
              "print('connected', flush=True)\n"
              "sys.stdin.readline()\n"
              "s.sendall(b'server\\n')\n"
              "print(s.makefile().readline(), flush=True)\n")
    process = subprocess.Popen(network.vm_namespace.inside([lab.PYTHON, "-c", client], n.APP),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "connected\n"
        network.install("[redirect.outbound]\nexclude_ports = [9]\n")
        process.stdin.write("\n")
        process.stdin.flush()
        assert '"outbound"' in process.stdout.readline()
    finally:
        process.stdin.close()
        process.wait(10)
