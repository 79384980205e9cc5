"""The guard watches the endpoints of VIPs: dead ones get no connections, names are followed."""

import json
import os
import signal
import subprocess
import time

import lab
import network as n
import pytest
from guarding import Guard
from test_vips import ALONE, OTHER_VIP, SCRIPTS, VIP, burst, config, install, outside, service

FULL = bool(os.environ.get("MESHGATE_FULL"))
COUNT, DEATHS = (100_000, 100) if FULL else (10_000, 3)
CHECK = {"check": "tcp", "interval": "1s", "rise": 2, "fall": 2}  # a busy machine answers within
HTTP = {**CHECK, "check": "http", "body": "b"}


class BackEnd:
    """One process at one address outside; it may die and come back."""

    def __init__(self, network, address, name):
        self.network, self.words = network, f"{address}={name}"
        self.start()

    def start(self):
        self.process = self.network.outside_namespace.start(
            lab.PYTHON, n.HERE / "backends.py", self.words)
        self.process.wait_ready(lambda: "ready" in self.process.output(), "a back end")

    def die(self):
        self.process.stop()


@pytest.fixture
def two(network):
    SCRIPTS[:] = [network.folder]
    started = [BackEnd(network, outside(i)[0], f"b{i}") for i in (1, 2)]
    yield started
    for each in started:
        each.process.stop()


def guarded(network, services, **more):
    state = network.folder / "health.vips"
    return Guard(network, config(services).replace("{state}", str(state)), base=ALONE, **more)


def says(guard, text, count=1):
    lab.wait_until(lambda: guard.process.output().count(text) >= count, text)


def endpoints(guard):
    return json.loads(guard.ask("/api/v1/endpoints")[1])["endpoints"]


def shares(network, count=40, protocol="tcp"):
    return burst(network.vm_namespace, VIP, count, protocol)


@pytest.mark.parametrize("check", [CHECK, HTTP], ids=["tcp", "http"])
@pytest.mark.parametrize("balance", ["random", "round-robin", "client-hash"])
def test_a_dead_endpoint_gets_no_connections_until_it_is_back(network, two, check, balance):
    with guarded(network, service(endpoints=outside(1, 2), health=check, balance=balance)) as guard:
        two[0].die()
        says(guard, f"{outside(1)[0]} is dead: ")
        assert shares(network) == {"b2": 40}
        two[0].start()
        says(guard, f"{outside(1)[0]} is alive again")
        found = shares(network)
        if balance != "client-hash":
            assert set(found) == {"b1", "b2"}, found
        assert sum(found.values()) == 40
        assert network.run("status", config=guard.path).returncode == 0


def test_no_endpoint_alive_is_refused_at_once_and_back_when_one_is(network, two):
    with guarded(network, service(endpoints=outside(1, 2), health=CHECK)) as guard:
        for each in two:
            each.die()
        says(guard, "is dead", 2)
        assert shares(network, 3) == {"ECONNREFUSED": 3}
        two[1].start()
        says(guard, f"{outside(2)[0]} is alive again")
        assert shares(network, 3) == {"b2": 3}


def test_panic_uses_all_when_too_few_are_alive(network, two):
    with guarded(network, service(endpoints=outside(1, 2), health={**CHECK, "panic": 60})) as guard:
        two[0].die()
        says(guard, "is dead")
        found = shares(network)
        assert set(found) == {"b2", "ECONNREFUSED"}, found


def test_a_check_says_no(network, two):
    """The answer has to have the text, and one has another."""
    with guarded(network, service(endpoints=outside(1, 2), health={**HTTP, "body": "b2"})) as guard:
        says(guard, f"{outside(1)[0]} is dead: HTTP body without the wanted text")
        assert shares(network, 10) == {"b2": 10}


def test_udp_is_checked_where_tcp_is_answered(network, two):
    udp = service(endpoints=outside(1, 2), protocols=["udp"], health={**CHECK, "port": 9001})
    with guarded(network, udp) as guard:
        two[0].die()
        says(guard, "is dead", 2)  # both are checked at its port
        two[0].start()
        says(guard, "is alive again", 2)
        assert set(shares(network, protocol="udp")) == {"b1", "b2"}


@pytest.mark.parametrize("on_down", ["keep", "cut"])
def test_connections_to_a_dead_endpoint_end_if_asked(network, two, on_down):
    """The check is at another port than the connection, which could go on."""
    check = {**CHECK, "port": 9002, "on_down": on_down}
    with guarded(network, service(endpoints=outside(1), health=check)) as guard:
        assert network.vm.hold(uid=n.APP, to=[VIP, 80], name="open") == "b1"
        two[1].die()
        says(guard, "is dead")
        if on_down == "cut":
            says(guard, "connections to 10.66.1.2:9001: ")
            assert network.vm.ended(name="open") == {"error": "ECONNABORTED"}
        else:
            assert shares(network, 2) == {"ECONNREFUSED": 2}
            assert network.vm.say(name="open") == "b1"
        network.vm.let_go(name="open")


class SamePort:
    """Questions from ports that the test chooses."""

    def __init__(self, network):
        script = lab.publish(n.HERE / "same_port.py", network.folder)
        self.process = network.vm_namespace.start(lab.PYTHON, script, VIP, 80, uid=n.APP,
                                                  stdin=subprocess.PIPE)
        self.process.wait_ready(lambda: "ready" in self.process.output(), "same_port.py")

    def ask(self, kind, port):
        seen = self.process.output().count("\n")
        self.process.popen.stdin.write(f"{kind} {port}\n".encode())
        self.process.popen.stdin.flush()
        lab.wait_until(lambda: self.process.output().count("\n") > seen, f"{kind} {port}")
        return self.process.output().split()[-1]

    def close(self):
        self.process.popen.stdin.close()
        assert self.process.wait() == 0


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_that_is_used_again_does_not_lead_to_the_dead(network, two, kind):
    """conntrack remembers where a client's datagrams went, as long as they come. The first check is at
    a port of its own, and fails when the test wants it to."""
    check = {**CHECK, "port": 9009}
    third = BackEnd(network, f"{n.OUTSIDE}:9009", "b9")
    wanted = service(endpoints=outside(1), protocols=["tcp", "udp"], health=check)
    with guarded(network, wanted) as guard:
        client = SamePort(network)
        assert client.ask(kind, 40001) == "b1"
        two[0].die()
        assert client.ask(kind, 40001) in ("ECONNREFUSED", "timeout")  # remembered from now on
        third.process.stop()
        says(guard, "is dead")
        guard.path.write_text(guard.path.read_text().replace(outside(1)[0], outside(2)[0]))
        third.start()
        guard.process.send_signal(signal.SIGHUP)
        lab.wait_until(lambda: shares(network, 1) == {"b2": 1}, "the other endpoint")
        assert client.ask(kind, 40001) == "b2"
        client.close()
    third.process.stop()


def leaves_datagrams_behind(network, client, change):
    """A flow and a connection to b1, then the change: the connection goes on, the datagrams do not."""
    try:
        assert client.ask("udp", 40001) == client.ask("udp", 40001) == "b1"
        assert network.vm.hold(uid=n.APP, to=[VIP, 80], name="open") == "b1"
        change()
        assert network.vm.say(name="open") == "b1"
        network.vm.let_go(name="open")
    finally:
        client.close()


@pytest.mark.parametrize("removed", ["endpoint", "service"])
def test_an_install_without_an_endpoint_takes_its_datagrams_along(network, two, removed):
    before = service(endpoints=outside(1), protocols=["tcp", "udp"])
    path = install(network, before)

    def change():
        text = path.read_text()
        path.write_text(text.replace(before, "") if removed == "service"
                        else text.replace(outside(1)[0], outside(2)[0]))
        done = network.run("install", config=path)
        assert done.returncode == 0, done.stderr
        assert client.ask("udp", 40001) == ("EPERM" if removed == "service" else "b2")

    client = SamePort(network)
    leaves_datagrams_behind(network, client, change)


def test_a_reload_without_an_endpoint_takes_its_datagrams_along(network, two):
    with guarded(network, service(endpoints=outside(1), protocols=["tcp", "udp"])) as guard:
        def change():
            guard.path.write_text(guard.path.read_text().replace(outside(1)[0], outside(2)[0]))
            guard.process.send_signal(signal.SIGHUP)
            lab.wait_until(lambda: client.ask("udp", 40001) == "b2", "the other endpoint")

        client = SamePort(network)
        leaves_datagrams_behind(network, client, change)


@pytest.fixture
def far(network):
    started = BackEnd(network, f"{n.FAR}:9001", "far")
    yield
    started.process.stop()


@pytest.mark.parametrize("when", ["at once", "while no guard runs"])
def test_an_address_that_a_name_lost_takes_its_datagrams_along(network, two, far, names, when):
    """Its connections are those of a drained endpoint: they go on."""
    with guarded(network, service(endpoints=["shop.example:9001"], protocols=["tcp", "udp"]),
                 nameservers=[n.CLIENT]) as guard:
        def change():
            if when != "at once":
                guard.process.stop()
            names.write_text(n.FAR)
            if when != "at once":
                guard.start()
            says(guard, f"shop.example has {n.FAR} now")
            lab.wait_until(lambda: client.ask("udp", 40001) == "far", "the other address")

        says(guard, f"shop.example has {n.OUTSIDE} now")
        lab.wait_until(lambda: shares(network, 1, "udp") == {"b1": 1}, "the address")
        client = SamePort(network)
        leaves_datagrams_behind(network, client, change)


def test_what_is_dead_stays_out_of_rules_that_are_put_in_force_again(network, two):
    with guarded(network, service(endpoints=outside(1, 2), health=CHECK)) as guard:
        two[0].die()
        says(guard, "is dead")
        guard.process.send_signal(signal.SIGHUP)  # nothing has changed
        done = network.run("install", config=guard.path)
        assert done.returncode == 0, done.stderr
        lab.wait_until(guard.is_ready, "the guard after an install")
        lab.wait_until(lambda: shares(network, 10) == {"b2": 10}, "the dead one is out")


def test_metrics_say_who_is_dead(network, two):
    with guarded(network, service(endpoints=outside(1, 2), health=CHECK)) as guard:
        two[0].die()
        says(guard, "is dead")
        up = 'meshgate_guard_endpoint_up{service="a",endpoint="%s"}'
        assert guard.metrics()[up % outside(1)[0]] == 0
        assert guard.metrics()[up % outside(2)[0]] == 1
        expected = {"service": "a", "endpoint": outside(1)[0], "checked": True, "alive": False,
                    "used": False, "reason": "connect: Connection refused"}

        lab.wait_until(lambda: expected in endpoints(guard), "the dead one")
        told = json.loads(guard.ask("/api/v1/endpoints")[1])
        assert (told["schema"], told["left_out"]) == ("meshgate-guard.endpoints/1", 0)


@pytest.mark.parametrize("counts", [0, 1])
def test_metrics_say_how_many_connections_a_service_has(network, two, counts):
    network.vm_namespace.run("sysctl", "-qw", f"net.netfilter.nf_conntrack_acct={counts}")
    one, other = ('meshgate_guard_service_%s{service="a"}', 'meshgate_guard_service_%s{service="b"}')
    both = service("a", outside(1)) + service("b", outside(2), protocols=["udp"])
    with guarded(network, both) as guard:
        for name in ("first", "second"):
            assert network.vm.hold(uid=n.APP, to=[VIP, 80], name=name) == "b1"
        assert burst(network.vm_namespace, OTHER_VIP, 1, "udp") == {"b2": 1}
        guard.wait_for(one % "connections", 2)
        told = guard.metrics()
        assert (told[one % "connections"], told[other % "connections"]) == (2, 1)
        assert (told.get(one % "bytes", 0) > 0, told.get(other % "bytes", 0) > 0) == (counts, counts)
        assert told["meshgate_guard_services_left_out"] == 0
        for name in ("first", "second"):
            network.vm.let_go(name=name)


@pytest.fixture
def names(network):
    """A file of addresses, which a name server gives to each name."""
    path = network.write(n.OUTSIDE, "addresses")
    server = network.client_namespace.start(lab.PYTHON, n.HERE / "names_server.py", n.CLIENT, path)
    server.wait_ready(lambda: "ready" in server.output(), "the name server")
    yield path
    server.stop()


def class_element(network):
    return network.vm_namespace.run("nft", "get", "element", "inet", "meshgate", "vip_tcp4",
                                    f"{{ {VIP} . 80 }}")


def test_an_endpoint_given_by_a_name_is_followed(network, two, names):
    with guarded(network, service(endpoints=["shop.example:9001"], health=CHECK),
                 nameservers=[n.CLIENT]) as guard:
        says(guard, f"shop.example has {n.OUTSIDE} now")
        assert shares(network, 4) == {"b1": 4}
        before = class_element(network)
        names.write_text(n.CLIENT)  # nobody there listens
        says(guard, f"shop.example has {n.CLIENT} now")
        says(guard, "is dead")
        assert shares(network, 2) == {"ECONNREFUSED": 2}
        names.write_text("")
        says(guard, "shop.example has no address now")
        assert shares(network, 2) == {"ECONNREFUSED": 2}
        assert class_element(network) == before
        assert network.run("status", config=guard.path).returncode == 0


def test_requests_fail_only_while_a_death_is_not_found_out(network, two):
    """Endpoints die and return in turn under load: at least 10,000 requests, 100,000 in the full run."""
    script = lab.publish(n.HERE / "steady.py", network.folder)
    stop = network.folder / "stop"
    stop.unlink(missing_ok=True)
    changed = "meshgate_guard_endpoint_changes_total"
    with guarded(network, service(endpoints=outside(1, 2), health=HTTP)) as guard:
        # What an earlier guard had taken out comes with its first check.
        lab.wait_until(lambda: all(each["alive"] and each["checked"] for each in endpoints(guard)),
                       "both are alive")
        steady = network.vm_namespace.start(lab.PYTHON, script, VIP, 80, COUNT, stop, uid=n.APP)
        windows = []
        while steady.running() and len(windows) < 200:
            each, at = two[len(windows) % 2], outside(len(windows) % 2 + 1)[0]
            before = guard.metrics()[changed]
            begin = time.monotonic()
            each.die()
            guard.wait_for(changed, before + 1)
            windows.append((begin, time.monotonic()))
            each.start()
            guard.wait_for(changed, before + 2)
            if len(windows) >= DEATHS:
                stop.touch()
        assert steady.wait() == 0, steady.output()
        result = json.loads(steady.output())
    beyond = [[began, ended, error] for began, ended, error in result["failures"]
              if not any(ended >= begin and began <= end for begin, end in windows)]
    print(f"{result['count']} requests, {len(windows)} deaths found out in "
          f"{min(e - b for b, e in windows):.2f} to {max(e - b for b, e in windows):.2f} s, "
          f"{len(result['failures'])} failures")
    assert result["count"] >= COUNT and not beyond, beyond


def test_checks_do_not_go_to_the_proxy(network, two):
    """Which takes every connection, and would make every endpoint alive."""
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    text = (service(endpoints=outside(1, 2), via="kernel", health=CHECK, address=VIP) +
            f'[vip]\nstate = "{state}"\n')
    with Guard(network, text) as guard:
        two[0].die()
        says(guard, f"{outside(1)[0]} is dead: ")
        assert shares(network, 10) == {"b2": 10}
