"""install --confirm: the previous state comes back by itself, whoever is killed, until somebody
says that all is well."""

import contextlib
import errno
import fcntl
import itertools
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import faulting
import lab
import network as n
import pytest
from test_lifecycle import snapshot

ENGINES = n.ENGINES
FULL = bool(os.environ.get("MESHGATE_FULL"))
ROUNDS = 1000 if FULL else 20  # of each engine; through iptables a round takes ten times as long
PREVIOUS = n.DNS_ALL + '[redirect.inbound]\nexclude_ports = [9]\n[vip]\nipv6 = "fd00:fd00::/64"\n'
# 15006 answers what is captured, so that a port that is left alone is told by another name.
NEW = n.DNS_ALL + "[redirect.outbound]\nexclude_ports = [3306]\n"


def state(network):
    """All that install may touch, without the counts of packets. iptables makes its own chains
    when it is first used, and nobody takes them away again."""
    vm = network.vm_namespace
    backends = [vm.run(f"{six}tables-{backend}-save").splitlines()
                for six in ("ip", "ip6") for backend in ("nft", "legacy")]
    rules = [[line.split(" [")[0] if line.startswith(":") else line for line in lines
              if not line.startswith("#")] for lines in backends]
    rules = [[line for line in lines if "MESHGATE" in line] for lines in rules]
    tables, _, _, *beside = snapshot(vm)
    return [tables if not network.engine else "", *beside, rules]


def watchers(network):
    """The watchers of this namespace, by their sockets."""
    table = network.vm_namespace.run("cat", "/proc/net/unix")
    return [line.split()[-1] for line in table.splitlines()
            if "@meshgate-redirect/confirm/" in line and " 00010000 " in line]


def processes(network):
    """[(name, pid)] of ours, by their network namespace."""
    ours = os.stat(f"/proc/{network.vm_namespace.holder.pid}/ns/net").st_ino
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = open(f"/proc/{pid}/comm").read().strip()
            if name.startswith("meshgate-") and os.stat(f"/proc/{pid}/ns/net").st_ino == ours:
                found.append((name, int(pid)))
        except OSError:
            pass
    return found


def watcher_pid(network):
    return dict(processes(network)).get("meshgate-confir")


def wait_for_watchers(network):
    lab.wait_until(lambda: not watchers(network), "the watcher's end")


def status(network, config=None):
    done = network.run("status", "--json", config=config)
    return json.loads(done.stdout)


@pytest.fixture(params=["over-another", "over-nothing"])
def before(request, network):
    if request.param == "over-another":
        network.install(PREVIOUS)
    return state(network)


def test_the_previous_state_comes_back_when_nobody_confirms(network, before):
    done = network.run("install", "--confirm", "1s", config=network.config(NEW))
    assert done.returncode == 0, done.stderr
    assert "within 1 s" in done.stderr
    wait_for_watchers(network)
    assert state(network) == before


def test_what_is_confirmed_stays(network, before):
    path = network.config(NEW)
    assert network.run("install", "--confirm", "60s", config=path).returncode == 0
    report = status(network, path)
    assert report["state"] == "installed" and 50 <= report["confirm"]["seconds_left"] <= 60, report
    done = network.run("confirm")
    assert done.returncode == 0, done.stderr
    assert not watchers(network)
    assert status(network, path)["confirm"] is None
    assert network.run("diff", config=path).stdout == ""
    assert "already installed" in network.run("install", "--verbose", config=path).stderr
    assert "meshgate-previous" not in network.vm_namespace.run("nft", "list", "ruleset")
    assert network.run("confirm").returncode == 3


def test_it_is_taken_back_at_once_when_asked_for(network, before):
    assert network.run("install", "--confirm", "1h", config=network.config(NEW)).returncode == 0
    assert network.run("confirm", "--undo").returncode == 0
    assert state(network) == before
    assert not watchers(network)


def test_the_port_of_the_session_is_spared_until_then(network):
    """This test is on no SSH connection; the variable says it."""
    path = network.config(NEW)
    command = [network.redirect, "install", "--confirm", "60s", "--config", path]
    ssh = f"SSH_CONNECTION={n.OUTSIDE} 50000 {n.VM} 22"
    done = network.vm_namespace.try_run("env", ssh, *command)
    assert done.returncode == 0 and "port 22" in done.stderr, done.stderr
    assert status(network, path)["confirm"]["port"] == 22
    assert network.run("status", config=path).returncode == 0
    for address in (n.VM, n.VM6):
        assert network.outside.tcp(uid=n.APP, to=[address, 22])["name"] == "service"
        assert network.outside.tcp(uid=n.APP, to=[address, 80])["name"] == "inbound"
    assert network.run("confirm").returncode == 0
    assert network.outside.tcp(uid=n.APP, to=[n.VM, 22])["name"] == "inbound"
    assert "already installed" in network.run("install", "--verbose", config=path).stderr


def test_the_port_is_found_without_the_variable(network, tmp_path):
    """As below sudo: the connection is held by a process above."""
    path = network.config(NEW)
    server = f"""
import os, socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 2222))
print("ready", flush=True)
connection, _ = listener.accept()
done = subprocess.run(["/bin/sh", "-c", "exec {network.redirect} install --confirm 60s --config {path}; true"],
                      capture_output=True, text=True)
connection.sendall(done.stderr.encode())
"""
    process = subprocess.Popen(network.vm_namespace.inside([lab.PYTHON, "-c", server]),
                               stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    said = network.vm_namespace.run(lab.PYTHON, "-c", "import socket\n"
                                    "s = socket.create_connection(('127.0.0.1', 2222))\n"
                                    "print(s.makefile().read())")
    process.wait(lab.PATIENCE_S)
    assert "port 2222" in said, said
    assert network.run("confirm").returncode == 0


def test_it_survives_the_end_of_its_session(network, before):
    """SIGHUP and SIGTERM to everything that the session may have left."""
    assert network.run("install", "--confirm", "3s", config=network.config(NEW)).returncode == 0
    pid = watcher_pid(network)
    assert os.getsid(pid) not in (os.getsid(0), pid)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        os.kill(pid, number)
    assert len(watchers(network)) == 1
    wait_for_watchers(network)
    assert state(network) == before


def test_a_killed_watcher_is_said_and_repaired(network, before, engine):
    path = network.config(NEW)
    assert network.run("install", "--confirm", "60s", config=path).returncode == 0
    os.kill(watcher_pid(network), signal.SIGKILL)
    wait_for_watchers(network)
    done = network.run("status", config=path)
    assert done.returncode == 2 and "never confirmed" in done.stdout, done.stdout
    if engine == "nftables" or "meshgate" not in str(before).lower():
        assert network.run("confirm", "--undo").returncode == 0
        assert state(network) == before
    else:  # what iptables held before, only the watcher had
        assert network.run("confirm", "--undo").returncode == 1
        assert network.run("confirm").returncode == 0
        assert network.run("status", config=path).returncode == 0


@pytest.mark.parametrize("end", ["uninstall", "nft-flush"])
def test_who_takes_all_away_meanwhile(network, before, end, engine):
    path = network.config(NEW)
    assert network.run("install", "--confirm", "2s", config=path).returncode == 0
    refused = network.run("install", config=network.config(PREVIOUS))
    assert refused.returncode == 1 and "waits to be confirmed" in refused.stderr
    if end == "uninstall":
        assert network.run("uninstall").returncode == 0
        assert not watchers(network)
        assert network.run("status").returncode == 3
    else:
        network.vm_namespace.run("nft", "flush", "ruleset")
        wait_for_watchers(network)
        assert state(network) == before


@pytest.mark.nftables_only
def test_an_uninstall_that_fails_is_no_confirmation(network, before):
    """The watcher is dismissed when the rules are gone, not before."""
    faults = faulting.Faults(network.folder)
    path = network.config(NEW)
    stride = 1 if FULL else 3
    for number in itertools.count(random.randint(1, stride), stride):
        # From this call on the kernel refuses all.
        assert network.run("install", "--confirm", "60s", config=path).returncode == 0
        faults.arm("refuse", number, errno.ENOMEM, times=1000)
        done = network.vm_namespace.try_run(*faults.wrapper, network.redirect, "uninstall")
        faults.disarm()
        if done.returncode == 0:
            break
        assert "error:" in done.stderr, number
        assert network.run("confirm", "--undo").returncode == 0, number
        assert state(network) == before, number
    assert number > 5
    assert not watchers(network) and network.run("status").returncode == 3


def test_a_drain_ends_who_waits_and_what_he_would_put_back(network, before):
    path = network.config(NEW)
    assert network.run("install", "--confirm", "2s", config=path).returncode == 0
    done = network.run("uninstall", "--drain", "1s")
    assert done.returncode == 0, done.stderr
    assert not watchers(network)
    assert network.run("status").returncode == 3
    assert "meshgate-previous" not in network.vm_namespace.run("nft", "list", "ruleset")


def waits_for_turn(pid):
    """It has the namespace open, whose lock that is."""
    with contextlib.suppress(OSError):  # a descriptor that is closed just now
        return any(os.readlink(each).startswith("net:[")
                   for each in pathlib.Path(f"/proc/{pid}/fd").iterdir())
    return False


def test_an_uninstall_and_the_end_of_the_time_meet(network, before):
    """Both wait for the turn. Whoever has it first: what was uninstalled does not come back."""
    with open(f"/proc/{network.vm_namespace.holder.pid}/ns/net") as turn:
        assert network.run("install", "--confirm", "1s", config=network.config(NEW)).returncode == 0
        fcntl.flock(turn, fcntl.LOCK_EX)
        lab.wait_until(lambda: waits_for_turn(watcher_pid(network)), "the end of the time")
        uninstall = network.vm_namespace.start(network.redirect, "uninstall")
        fcntl.flock(turn, fcntl.LOCK_UN)
    assert uninstall.wait(30) == 0, uninstall.output()
    wait_for_watchers(network)
    assert network.run("status").returncode == 3
    assert "meshgate" not in network.vm_namespace.run("nft", "list", "ruleset")


def test_an_install_waits_for_what_comes_back_just_now(network, before):
    path = network.config(NEW)
    with open(f"/proc/{network.vm_namespace.holder.pid}/ns/net") as turn:
        assert network.run("install", "--confirm", "1s", config=path).returncode == 0
        fcntl.flock(turn, fcntl.LOCK_EX)
        lab.wait_until(lambda: waits_for_turn(watcher_pid(network)), "the end of the time")
        done = network.run("install", config=path)
        fcntl.flock(turn, fcntl.LOCK_UN)
    assert done.returncode == 1 and "comes back just now" in done.stderr, done.stderr
    wait_for_watchers(network)
    assert state(network) == before


@pytest.mark.nftables_only
def test_a_refused_install_leaves_nothing_behind(network, before):
    """Where the kernel has no NAT for inet."""
    library = network.folder / "no_inet_nat.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, n.HERE / "no_inet_nat.c", "-ldl"],
                   check=True)
    path = network.config('[redirect]\nengine = "nftables"\n' + n.DNS_ALL)
    done = network.vm_namespace.try_run("env", f"LD_PRELOAD={library}", network.redirect,
                                        "install", "--confirm", "60s", "--config", path)
    assert done.returncode == 1, done.stderr
    assert not watchers(network)
    assert state(network) == before


def test_killed_at_random_instants_the_previous_state_is_back(network, engine):
    """By SIGKILL, whatever it is doing. The figure: right / rounds."""
    rounds = ROUNDS if engine == "nftables" or FULL else 6
    network.install(PREVIOUS)
    before = state(network)
    path = network.config(NEW)
    whole = min(_timed_install(network, path, before) for _ in range(2))
    wrong = []
    for number in range(rounds):
        delay = random.uniform(0, 1.2 * whole)
        process = subprocess.Popen(
            network.vm_namespace.inside([network.redirect, "install", "--confirm", "1s",
                                         "--config", path]),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(delay)  # the instant is what this test varies
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Also one that had no socket yet.
        lab.wait_until(lambda: not processes(network), "the watcher's end")
        if state(network) != before:
            wrong.append(delay)
            network.run("install", config=network.latest)
    print(f"{engine}: previous state back after {rounds - len(wrong)} of {rounds} kills within "
          f"{1000 * 1.2 * whole:.0f} ms")
    assert not wrong, (len(wrong), rounds, wrong[:5])


def _timed_install(network, path, before):
    begun = time.monotonic()
    assert network.run("install", "--confirm", "1h", config=path).returncode == 0
    took = time.monotonic() - begun
    assert network.run("confirm", "--undo").returncode == 0
    assert state(network) == before
    return took
