"""Each netlink call of install --confirm, confirm, its rollback and the guard fails once: the rules
are the old or the new ones whole, what was to come back comes back, and the guard goes on."""

import contextlib
import errno
import itertools
import os
import pathlib
import random
import re
import signal

import faulting
import lab
import network as n
import pytest
from guarding import Guard
from test_confirm import NEW, PREVIOUS, state, status, wait_for_watchers, watcher_pid
from test_guard import CAPTURE, listing
from test_lifecycle import handles

FULL = bool(os.environ.get("MESHGATE_FULL"))
ALL = [("send", errno.ENOBUFS), ("send", errno.EPERM), ("send", errno.EINTR), ("send", errno.EBUSY),
       ("send", errno.ENOMEM), ("receive", errno.ENOMEM), ("receive", errno.EINTR),
       ("receive", errno.ENOBUFS), ("receive", errno.EPERM), ("lost", errno.ENOBUFS), ("cut", 0),
       ("socket", errno.EMFILE), ("refuse", errno.ENOMEM), ("refuse", errno.EPERM),
       ("refuse", errno.EBUSY)]
FAULTS = ALL if FULL else [("refuse", errno.ENOMEM)]
IDS = [f"{kind}-{errno.errorcode.get(error, '')}" for kind, error in FAULTS]
EVERY_FAULT = pytest.mark.parametrize("fault", FAULTS, ids=IDS)
# By default every third question is refused once, and of each other fault a few are tried.
SOME = [] if FULL else [each for each in ALL if each not in FAULTS]
OTHER = NEW.replace("3306", "3307")
LIST = ("nft", "-s", "list", "table", "inet", "meshgate")


@pytest.fixture
def faults(network):
    made = faulting.Faults(network.folder)
    yield made
    made.disarm()


def steps(fault, stride=1):
    """(kind, error, number): each call, without an end; others between them. By default every third
    or so, from another one each time."""
    some = itertools.cycle(SOME)
    for number in itertools.count(1 if FULL else random.randint(1, stride), 1 if FULL else stride):
        yield *fault, number
        if SOME and number // stride % 8 == 0:
            yield *next(some), number


def run(network, faults, *words, config=None):
    options = ["--config", config] if config else []
    return network.vm_namespace.try_run(*faults.wrapper, network.redirect, *words, *options)


def look(network):
    """What state() compares, but for the settings and the rules of iptables: in one go."""
    return network.vm_namespace.run(
        "sh", "-ec", "nft -s list ruleset; ip -o address show dev lo | sed 's/valid_lft.*//';"
        "ip route show table all; ip -6 route show table all | sed 's/ expires.*//'")


def until_none_fails(fault, faults, attempt, whose=faulting.EVERYBODY, stride=3):
    """Calls attempt(number) with each call failing in turn, until it has no such call.
    `stride`: by default every so many calls are tried, with MESHGATE_FULL all."""
    tried = 0
    for kind, error, number in steps(fault, stride):
        faults.arm(kind, number, error, whose)
        attempt(f"{kind} {number} ({errno.errorcode.get(error, 'cut')})")
        if faults.failed():
            tried += 1
        elif (kind, error) == fault:
            break
    faults.disarm()
    assert tried > 3
    return tried


@EVERY_FAULT
def test_an_install_to_be_confirmed_is_whole_or_taken_back(network, faults, fault):
    network.install(PREVIOUS)
    before, seen = state(network), look(network)
    path = network.config(NEW)

    def attempt(what):
        done = run(network, faults, "install", "--confirm", "60s", config=path)
        faults.disarm()
        if done.returncode == 0:
            assert status(network)["confirm"]["seconds_left"] > 30, what
            assert network.run("confirm", "--undo").returncode == 0, what
        else:
            assert "error:" in done.stderr, (what, done.stderr)
        wait_for_watchers(network)
        assert look(network) == seen, (what, done.stderr)

    until_none_fails(fault, faults, attempt)
    assert state(network) == before


@EVERY_FAULT
def test_a_confirmation_that_fails_can_be_given_again(network, faults, fault):
    network.install(PREVIOUS)
    path = network.config(NEW)

    def attempt(what):
        ssh = f"SSH_CONNECTION={n.OUTSIDE} 50000 {n.VM} 22"
        done = network.vm_namespace.try_run("env", ssh, network.redirect, "install", "--confirm",
                                            "60s", "--config", path)
        assert done.returncode == 0, done.stderr
        done = run(network, faults, "confirm")
        faults.disarm()
        if done.returncode != 0:
            assert "error:" in done.stderr, what
            # It may be the last answer that failed.
            assert network.run("confirm").returncode in (0, 3), (what, done.stderr)
        wait_for_watchers(network)
        assert network.run("diff", config=path).stdout == "", what
        assert status(network, path)["confirm"] is None, what
        assert network.run("install", config=network.latest).returncode == 0, what

    until_none_fails(fault, faults, attempt)


@EVERY_FAULT
def test_who_takes_back_does_it_whatever_fails_once(network, faults, fault):
    """The process that waits, asked to and by its time."""
    network.install(PREVIOUS)
    before, seen = state(network), look(network)
    path = network.config(NEW)
    by_time = itertools.count()

    def attempt(what):
        is_by_time = next(by_time) % 16 == 15
        time = "1s" if is_by_time else "60s"
        with faults.later():
            assert run(network, faults, "install", "--confirm", time, config=path).returncode == 0
        if not is_by_time:
            done = network.run("confirm", "--undo")
            assert done.returncode == 0, (what, done.stderr)
        wait_for_watchers(network)
        faults.disarm()
        assert look(network) == seen, what

    until_none_fails(fault, faults, attempt, faulting.CHILDREN)
    assert state(network) == before


@EVERY_FAULT
def test_without_who_waits_it_is_taken_back_by_the_next_try(network, faults, fault):
    network.install(PREVIOUS)
    before, seen = state(network), look(network)
    path = network.config(NEW)

    def attempt(what):
        with faults.later():
            assert network.run("install", "--confirm", "60s", config=path).returncode == 0
            os.kill(watcher_pid(network), signal.SIGKILL)
            wait_for_watchers(network)
        done = run(network, faults, "confirm", "--undo")
        faults.disarm()
        if done.returncode != 0:
            assert "error:" in done.stderr, what
            assert network.run("confirm", "--undo").returncode in (0, 3), what
        assert look(network) == seen, what

    until_none_fails(fault, faults, attempt, stride=5)
    assert state(network) == before


# --- the guard ------------------------------------------------------------------------------------


def rules(network):
    """Without whose they are."""
    return re.sub(r" # progname .*|\n\tflags .*|\n(?=\n)", "", listing(network))


def descriptors(guard):
    return len(os.listdir(f"/proc/{guard.process.pid}/fd"))


@contextlib.contextmanager
def guarding(network, faults, text=CAPTURE, hold=True, **config):
    """A guard whose calls can fail; none of its descriptors is left open by that."""
    with Guard(network, text, hold, wrapper=faults.wrapper, **config) as guard:
        before = descriptors(guard)
        yield guard
        faults.disarm()
        lab.wait_until(guard.is_ready, "the guard")
        lab.wait_until(lambda: descriptors(guard) <= before, "its descriptors")


@EVERY_FAULT
def test_a_guard_starts_whatever_fails_once(network, faults, fault):
    guard = Guard(network, CAPTURE, wrapper=faults.wrapper)
    network.install(PREVIOUS)
    old = rules(network)
    assert network.run("install", config=guard.path).returncode == 0
    new = rules(network)

    def attempt(what):
        with faults.later():
            assert network.run("install", config=network.latest).returncode == 0
        guard.process = network.vm_namespace.start(
            *guard.wrapper, network.redirect, "guard", "--config", guard.path)
        lab.wait_until(lambda: not guard.process.running() or guard.is_ready(), what)
        faults.disarm()
        said = guard.process.output()
        if guard.process.running():
            assert rules(network) == new, what
            assert guard.metrics()["meshgate_guard_holds_rules"] == 1, (what, said)
            assert guard.process.stop() == 0, (what, said)
        else:
            assert "EPERM" in what and guard.process.popen.returncode == 77, (what, said)
            assert "error:" in said
            assert rules(network) in (old, new), what

    try:
        until_none_fails(fault, faults, attempt)
    finally:
        guard.process.stop()


@EVERY_FAULT
def test_a_guard_repairs_whatever_fails_once(network, faults, fault):
    """It is started anew now and then: it would take so many for a fight."""
    with contextlib.ExitStack() as stack:
        guards = []

        def guard():
            if len(guards) % 8 == 0:
                stack.close()
                stack.enter_context(guarding(network, faults, hold=False))
            guards.append(1)

        def attempt(what):
            with faults.later():
                guard()
                before = listing(network)
            network.vm_namespace.run("nft", "delete", "table", "inet", "meshgate")
            # A try that fails takes away what it had begun.
            lab.wait_until(lambda: network.vm_namespace.try_run(*LIST).stdout == before, what)
            lab.wait_until(lambda: network.run("status").returncode == 0, what)

        until_none_fails(fault, faults, attempt)


@EVERY_FAULT
def test_a_guard_puts_an_address_back_whatever_fails_once(network, faults, fault):
    vm = network.vm_namespace

    def has_address():
        return "::6/128" in vm.run("ip", "-6", "address", "show", "dev", "lo")

    with guarding(network, faults) as guard:
        def attempt(what):
            vm.run("ip", "-6", "address", "del", "::6/128", "dev", "lo")
            lab.wait_until(has_address, what)
            lab.wait_until(guard.is_ready, what)

        until_none_fails(fault, faults, attempt, stride=3)


@EVERY_FAULT
def test_a_guard_follows_whatever_fails_once(network, faults, fault):
    """Elements of sets, as resolv.conf changes."""
    text = '[redirect.dns]\nenabled = true\n'
    with guarding(network, faults, text, nameservers=("192.0.2.53",)) as guard:
        rules = [each for each in handles(network) if each[0] == "rule"]
        resolv_conf = pathlib.Path(re.search(r'resolv_conf = "(.*)"', guard.path.read_text())[1])
        address = itertools.cycle(("192.0.2.54", "192.0.2.55"))

        def attempt(what):
            other = next(address)
            resolv_conf.write_text(f"nameserver 192.0.2.53\nnameserver {other}\n")
            lab.wait_until(lambda: other in network.vm_namespace.try_run(*LIST).stdout, what)
            lab.wait_until(lambda: network.run("status", config=guard.path).returncode == 0, what)
            lab.wait_until(guard.is_ready, what)

        until_none_fails(fault, faults, attempt)
        assert guard.metrics()["meshgate_guard_element_updates_total"] > 3
        assert len([each for each in handles(network) if each[0] == "rule"]) == len(rules)


@EVERY_FAULT
def test_a_guard_takes_up_again_whatever_fails_once(network, faults, fault):
    """What other verbs have done through its socket."""
    with guarding(network, faults) as guard:
        paths = itertools.cycle((network.config(NEW), network.config(OTHER)))

        def attempt(what):
            path = next(paths)
            assert network.run("install", config=path).returncode == 0, what
            lab.wait_until(guard.is_ready, what)
            assert guard.metrics()["meshgate_guard_holds_rules"] == 1, what
            assert network.run("status", config=path).returncode == 0, what
            delete = network.vm_namespace.try_run("nft", "delete", "table", "inet", "meshgate")
            assert delete.returncode != 0, what

        until_none_fails(fault, faults, attempt, stride=3)


@EVERY_FAULT
def test_a_guard_switches_dns_whatever_fails_once(network, faults, fault):
    text = n.DNS_ALL.replace("enabled = true", 'enabled = true\nport = 15055\n'
                             'on_resolver_down = "open"')

    def is_open(guard):
        return "inet_service; flags interval; elements = { 53 }" in re.sub(
            r"\s+", " ", network.vm_namespace.run("nft", "list", "set", "inet", "meshgate",
                                                  "open_dns_ports"))

    with guarding(network, faults, text) as guard:
        for kind, error, number in itertools.islice(steps(fault), 60 if FULL else 8):
            faults.arm(kind, number, error)
            with network.serving(uid=n.PROXY, name="second", tcp=[15055], udp=[15055]):
                lab.wait_until(lambda: guard.metrics()["meshgate_guard_dns_open"] == 0, "closing")
                assert network.vm.udp(uid=n.APP, to=[n.FAR, 53])["name"] == "second"
            lab.wait_until(lambda: guard.metrics()["meshgate_guard_dns_open"] == 1, "opening")
            assert network.vm.udp(uid=n.APP, to=[n.FAR, 53])["name"] == "outside"
            lab.wait_until(guard.is_ready, "the guard")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_guard_ends_whatever_fails(network, faults, number):
    with guarding(network, faults) as guard:
        before = rules(network)
        for kind, error in ALL:
            faults.arm(kind, 1, error, times=1000)
        assert guard.process.stop(number) == 0
        faults.disarm()
        assert rules(network) == before
        guard.start()


def test_a_guard_outlives_calls_that_fail_for_long(network, faults):
    with guarding(network, faults, hold=False) as guard:
        before = listing(network)
        faults.arm("send", 1, errno.ENOBUFS, times=6)
        network.vm_namespace.run("nft", "delete", "table", "inet", "meshgate")
        lab.wait_until(lambda: network.vm_namespace.try_run(*LIST).stdout == before,
                       "the repair")
        assert guard.process.output().count("it is tried again") == 1
        lab.wait_until(guard.is_ready, "the guard")
