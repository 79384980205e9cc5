"""Each netlink call of a guard that watches the endpoints of VIPs fails once: in the end the map is
right, nothing is half, and packets go where it says."""

import itertools
import json
import os
import re
import signal

import lab
import network as n
from test_health import endpoints, shares, two  # noqa: F401
from test_netlink_faults import EVERY_FAULT, faults, guarding, until_none_fails  # noqa: F401
from test_vips import ALONE, VIP, config, outside, service

CHECK = {"check": "tcp", "interval": "1s", "rise": 1, "fall": 2}  # a busy machine answers within


def watched(network, services=None, hold=True):
    """A guard with two endpoints that are checked, and one service that is not."""
    services = services or (service("a", outside(1, 2), health=CHECK, protocols=["tcp", "udp"]) +
                            service("b", outside(2)))
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    return config(services).replace("{state}", str(state)), {"hold": hold, "base": ALONE}


def is_right(network, guard, *alive):
    """The slots of both protocols are those endpoints', one as often as another, and the class is that
    of all in the file."""
    planned = json.loads(re.search(r"endpoints = (.*)", guard.path.read_text())[1])
    listed = network.vm_namespace.try_run("nft", "list", "table", "inet", "meshgate").stdout
    times = len(planned) // len(alive) if alive else 0
    wanted = [f"{n.OUTSIDE} . 900{each}" for each in alive for _ in range(times)]
    vip = re.escape(VIP)
    return all(
        sorted(re.findall(rf"{vip} \. 80 \. \d+ : (\S+ \. \d+)", part(listed, f"{name}_endpoints")))
        == wanted and re.findall(rf"{vip} \. 80 : goto (\w+)", part(listed, name)) == [f"vip_random_{len(planned)}"]
        for name in ("vip_tcp4", "vip_udp4"))


def part(listed, name):
    found = re.search(rf"\tmap {name} {{\n(.*?)\n\t}}", listed, re.S)
    return found[1] if found else ""  # somebody has just flushed it


def settles(network, guard, what, *alive):
    """The map, the program's own view of it, and packets."""
    lab.wait_until(lambda: is_right(network, guard, *alive), what)
    lab.wait_until(guard.is_ready, what)
    assert network.run("status", config=guard.path).returncode == 0, what
    found = shares(network, 8)
    assert set(found) <= ({f"b{each}" for each in alive} or {"ECONNREFUSED"}), (what, found)


class GuardsInTurn:
    """One guard after the other."""

    def __init__(self, network, faults, text, options):  # noqa: F811
        self.make = lambda: guarding(network, faults, text, **options)
        self.guard = self.context = None

    def __enter__(self):
        return self

    def fresh(self):
        self.__exit__(None, None, None)
        self.context = self.make()
        self.guard = self.context.__enter__()
        return self.guard

    def __exit__(self, *error):
        if self.context:
            context, self.context = self.context, None
            context.__exit__(*error)


@EVERY_FAULT
def test_an_endpoint_dies_and_returns_whatever_fails_once(network, faults, two, fault):  # noqa: F811
    text, options = watched(network)
    is_down = itertools.cycle((True, False))
    with guarding(network, faults, text, **options) as guard:
        def attempt(what):
            if next(is_down):
                two[0].die()
                settles(network, guard, what, 2)
            else:
                two[0].start()
                settles(network, guard, what, 1, 2)

        until_none_fails(fault, faults, attempt, stride=5)
        faults.disarm()
        lab.wait_until(lambda: all(each["checked"] for each in endpoints(guard)), "its own view")


@EVERY_FAULT
def test_an_install_through_the_guard_is_whole_whatever_fails_once(network, faults, two,  # noqa: F811
                                                                   fault):
    """The guard's calls, not those of install: the new file's endpoints, less the dead one."""
    both = service("a", outside(1, 2), health=CHECK, protocols=["tcp", "udp"])
    three = service("a", outside(1, 2, 3), health=CHECK, protocols=["tcp", "udp"])
    text, options = watched(network, both)
    two[0].die()
    with guarding(network, faults, text, **options) as guard:
        lab.wait_until(lambda: is_right(network, guard, 2), "the dead one is out")
        original = guard.path.read_text()
        texts = itertools.cycle((original.replace(both, three + service("b", outside(2))), original))

        def attempt(what):
            guard.path.write_text(next(texts))
            done = network.run("install", config=guard.path)
            assert done.returncode == 0, (what, done.stderr)
            settles(network, guard, what, 2)

        until_none_fails(fault, faults, attempt, stride=5)


@EVERY_FAULT
def test_a_reload_sends_its_endpoints_whatever_fails_once(network, faults, two, fault):  # noqa: F811
    text, options = watched(network, service("a", outside(1), protocols=["tcp", "udp"]))
    with guarding(network, faults, text, **options) as guard:
        which = itertools.cycle((2, 1))

        def attempt(what):
            number = next(which)
            guard.path.write_text(re.sub(r"endpoints = .*", f"endpoints = {json.dumps(outside(number))}",
                                         guard.path.read_text()))
            guard.process.send_signal(signal.SIGHUP)
            settles(network, guard, what, number)

        until_none_fails(fault, faults, attempt)


@EVERY_FAULT
def test_a_flush_is_repaired_with_who_is_alive_whatever_fails_once(network, faults, two,  # noqa: F811
                                                                   fault):
    """It is started anew now and then: it would take so many for a fight."""
    text, options = watched(network, hold=False)
    two[0].die()
    number = itertools.count()
    with GuardsInTurn(network, faults, text, options) as guards:
        def attempt(what):
            with faults.later():
                guard = guards.fresh() if next(number) % 8 == 0 else guards.guard
                lab.wait_until(lambda: is_right(network, guard, 2), what)
            network.vm_namespace.run("nft", "flush", "ruleset")
            settles(network, guard, what, 2)

        until_none_fails(fault, faults, attempt)


@EVERY_FAULT
def test_a_guard_takes_up_the_endpoints_of_another_whatever_fails_once(network, faults, two,  # noqa: F811
                                                                       fault):
    """At its start: what an earlier guard had taken out stays out, and comes back when it does."""
    text, options = watched(network)
    with guarding(network, faults, text, **options) as guard:
        is_down = itertools.cycle((True, False))

        def attempt(what):
            with faults.later():
                guard.process.stop()
            down = next(is_down)
            two[0].die() if down else two[0].start()
            guard.process = network.vm_namespace.start(
                *guard.wrapper, network.redirect, "guard", "--config", guard.path)
            lab.wait_until(lambda: not guard.process.running() or guard.is_ready(), what)
            if not guard.process.running():
                assert "EPERM" in what and guard.process.popen.returncode == 77, (
                    what, guard.process.output())
                with faults.later():
                    guard.start()
            settles(network, guard, what, *((2,) if down else (1, 2)))

        until_none_fails(fault, faults, attempt)
