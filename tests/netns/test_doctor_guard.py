"""What doctor says of a guard: one that is meant to run and does not, one that runs, one with another
configuration, one in a fight, one that cannot go on."""

import os
import signal
import subprocess

import network as n
from guarding import Guard
from test_doctor import CONFIG, doctor, found
from test_guard import can_hold

ASKS = """
import socket, sys
with socket.socket(socket.AF_UNIX) as asks:
    asks.connect("\\0meshgate-redirect/guard/" + sys.argv[1])
    asks.sendall(b"let go test (process 1)\\n")
    print(asks.recv(100).decode(), end="", flush=True)
    sys.stdin.read()
"""
IMPOSTOR = """
import socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1])
    server.listen()
    print("ready", flush=True)
    while True:
        client, _ = server.accept()
        client.recv(65536)
        client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nready")
        client.close()
"""


def details(network, code, **arguments):
    findings = found(network, **arguments)
    assert code in findings, findings.keys()
    return findings[code]["details"]


def test_one_that_is_enabled_and_does_not_run(network):
    network.install(CONFIG)
    vm = network.vm_namespace
    wants = "/etc/systemd/system/multi-user.target.wants"
    vm.run("sh", "-c", "mkdir -p /etc/systemd/system && mount -t tmpfs none /etc/systemd/system")
    try:
        # What lies elsewhere enables nothing.
        vm.run("sh", "-c", "cd /etc/systemd/system && mkdir a.d && ln -s /x a.d/meshgate-guard.service")
        assert found(network) == {}
        vm.run("sh", "-c", f"mkdir {wants} && ln -s /lib/systemd/system/meshgate-guard.service {wants}")
        assert details(network, "MG111") == [f"{wants}/meshgate-guard.service"]
    finally:
        vm.run("umount", "/etc/systemd/system")


def test_one_that_was_configured_and_killed(network):
    with Guard(network, CONFIG) as guard:
        assert set(found(network, config=guard.path)) == {"MG112"}
        guard.process.stop(signal.SIGKILL)
        findings = found(network, config=guard.path)
        assert set(findings) == {"MG111"} and findings["MG111"]["severity"] == "warning"
        assert findings["MG111"]["details"] == ["[guard] of the configuration"]


def test_one_that_runs_and_what_it_can_hold(network):
    held = "nobody else can change the rules"
    repaired = "others can change the rules; it repairs what they do"
    with Guard(network, CONFIG) as guard:
        words, what = details(network, "MG112", config=guard.path)
        assert words.startswith(f"process {guard.process.pid}: ") and str(guard.path) in words
        assert what == (held if can_hold(guard) else repaired)
    with Guard(network, CONFIG, hold=False) as guard:
        assert details(network, "MG112", config=guard.path)[1] == repaired


def test_one_of_another_configuration(network):
    with Guard(network, CONFIG) as guard:
        other = network.write(guard.path.read_text() + "[redirect.outbound]\nexclude_ports = [9]\n",
                              "other.toml")
        assert set(found(network, config=other)) == {"MG103", "MG112", "MG113"}
        # What it is told to do is what it does.
        assert network.run("install", config=other).returncode == 0
        assert set(found(network, config=other)) == {"MG112"}


def test_one_in_a_fight_and_with_whom(network):
    with Guard(network, CONFIG, hold=False) as guard:
        for _ in range(200):
            network.vm_namespace.try_run("nft", "delete", "table", "inet", "meshgate")
            if guard.metrics()["meshgate_guard_backing_off"]:
                break
        lines = details(network, "MG114", config=guard.path)
        assert lines[0].startswith("nft: its damage was repaired ")


def test_one_that_waits_for_somebody_else(network):
    with Guard(network, CONFIG) as guard:
        asks = subprocess.Popen(network.vm_namespace.inside(
            [n.lab.PYTHON, "-c", ASKS, guard.process.pid]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert asks.stdout.readline() == b"go\n"
            assert "let go of the rules for test (process 1)" in details(
                network, "MG115", config=guard.path)
        finally:
            asks.stdin.close()
            asks.wait(n.lab.PATIENCE_S)


def test_one_that_cannot_be_asked(network):
    with Guard(network, CONFIG) as guard:
        off = network.write(guard.path.read_text().replace(f"unix:{guard.socket}", ""), "off.toml")
        findings, not_looked_at = doctor(network, config=off)
        assert set(findings) == {"MG112"}
        start = f"what the guard (process {guard.process.pid}) does: "
        assert not_looked_at == [start + "[guard] admin is off"]
        os.unlink(guard.socket)
        findings, not_looked_at = doctor(network, config=guard.path)
        assert set(findings) == {"MG112"}
        assert not_looked_at == [start + "it does not answer at [guard] admin"]
        other = subprocess.Popen([n.lab.PYTHON, "-c", IMPOSTOR, guard.socket], stdout=subprocess.PIPE)
        try:
            assert other.stdout.readline() == b"ready\n"
            _, not_looked_at = doctor(network, config=guard.path)
            assert not_looked_at == [
                start + f"at [guard] admin another process answers, {other.pid}"]
        finally:
            other.kill()
            other.wait()
