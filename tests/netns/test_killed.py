"""SIGKILL at any instant of install, replacement and uninstall: nothing is uncaptured meanwhile that
was captured, and the next install and the next uninstall put everything right."""

import os
import random
import subprocess
import time

import lab
import network as n
import pytest
import test_iptables_engine as engine

ENGINES = n.ENGINES
KILLS = 100 if os.environ.get("MESHGATE_FULL") else 6

OLD = n.DNS_ALL + "[redirect.inbound]\nexclude_ports = [22, 3306]\n"
NEW = n.DNS_ALL + "[redirect.inbound]\nexclude_ports = [22, 8080]\n"
WHO = {"old": ("service", "inbound"), "new": ("inbound", "service"), "none": ("service", "service")}


def program(network, verb, config, *before):
    """The verb, and what tells when all that it started has ended: the programs of iptables do
    their work to the end though nobody waits for them any more."""
    read, write = os.pipe()
    argv = network.vm_namespace.inside([*before, network.redirect, verb, "--config", config])
    process = subprocess.Popen(argv, pass_fds=[write], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    return process, read


def ended(process, read):
    status = process.wait(lab.PATIENCE_S)
    with os.fdopen(read, "rb") as pipe:
        pipe.read()
    return status


def killed(network, verb, config, instant):
    """Runs the verb, which is killed after so many seconds, alone or with what it started; says
    whether it was."""
    alone = random.choice((["--foreground"], []))
    process, read = program(network, verb, config, "timeout", *alone, "--signal=KILL",
                            f"{instant:.6f}")
    return ended(process, read) != 0


def duration(network, verb, config):
    begin = time.perf_counter()
    process, read = program(network, verb, config)
    assert ended(process, read) == 0
    return time.perf_counter() - begin


def inbound(network):
    """Who answers at 3306 and at 8080 of each family."""
    return [tuple(engine.who(network.outside.tcp(uid=0, to=[vm, port])) for port in (3306, 8080))
            for vm in (n.VM, n.VM6)]


def outbound(network):
    return [engine.who(network.vm.tcp(uid=n.APP, to=[far, 80])) for far in (n.FAR, n.FAR6)] + [
        engine.who(network.vm.udp(uid=n.APP, to=[far, 53])) for far in (n.FAR, n.FAR6)]


def instants(longest):
    """Random ones, as many in each part of the time."""
    part = longest * 1.1 / KILLS
    return (random.uniform(i, i + 1) * part for i in range(KILLS))


def is_one_of(network, *states):
    """In nftables both families are in one state; in iptables each table of each is in one."""
    seen = inbound(network)
    assert all(each in [WHO[state] for state in states] for each in seen), seen
    assert network.engine or len(set(seen)) == 1, seen


def test_a_killed_replacement_leaves_the_old_or_the_new(network):
    old, new = network.config(OLD), network.config(NEW)
    assert network.run("install", config=old).returncode == 0
    longest = duration(network, "install", new)
    was_killed = 0
    for instant in instants(longest):
        assert network.run("install", config=old).returncode == 0
        was_killed += killed(network, "install", new, instant)
        is_one_of(network, "old", "new")
        assert outbound(network) == ["outbound"] * 2 + ["resolver"] * 2, instant
        assert network.run("install", config=new).returncode == 0
        assert network.run("status", config=new).returncode == 0
        assert inbound(network) == [WHO["new"]] * 2
    assert was_killed
    assert network.run("uninstall").returncode == 0
    engine.nothing_left(network)


@pytest.mark.parametrize("then", ["install", "uninstall"])
def test_a_killed_first_install_is_repaired_and_taken_away(network, then):
    path = network.config(NEW)
    longest = duration(network, "install", path)
    for instant in instants(longest):
        assert network.run("uninstall").returncode == 0
        engine.nothing_left(network)
        killed(network, "install", path, instant)
        is_one_of(network, "none", "new")
        assert network.run(then, config=path).returncode == 0
        if then == "install":
            assert network.run("status", config=path).returncode == 0
            assert inbound(network) == [WHO["new"]] * 2
    assert network.run("uninstall").returncode == 0
    engine.nothing_left(network)


def test_a_killed_uninstall_is_ended_by_the_next(network):
    path = network.config(NEW)
    assert network.run("install", config=path).returncode == 0
    longest = duration(network, "uninstall", path)
    for instant in instants(longest):
        assert network.run("install", config=path).returncode == 0
        killed(network, "uninstall", path, instant)
        is_one_of(network, "none", "new")
        assert network.run("uninstall").returncode == 0
        engine.nothing_left(network)
