"""Connections that are older than an install or an uninstall: they stay as they are, unless they
are to end (--flush-connections); and a slow uninstall (--drain) spares them for a time."""

import contextlib
import fcntl
import itertools
import json
import signal
import subprocess

import lab
import network as n
import pytest

ENGINES = n.ENGINES

TRACKING = "table inet tracking {\n  chain output {\n    type filter hook output priority 0;\n" \
           "    ct state established accept\n  }\n}\n"
RULES = n.DNS_ALL + """
[redirect.inbound]
exclude_ports = [22]
[redirect.outbound]
exclude_ports = [3306]
"""
NAMES = itertools.count()


@contextlib.contextmanager
def held(agent, uid, to, source=None):
    """An open connection; yields its name for `say` and `ended`."""
    name = f"{uid} to {to[0]} {next(NAMES)}"
    answer = agent.hold(uid=uid, to=to, name=name, source=source)
    assert "name" in answer, answer
    try:
        yield name
    finally:
        agent.let_go(name=name)


@pytest.fixture(params=[False, True], ids=["untracked", "tracked"])
def tracked(request, network):
    """Whether somebody else has the kernel track connections before the install."""
    if request.param:
        network.vm_namespace.run("nft", "-f", "-", input=TRACKING)
    return request.param


def who(agent, name):
    answer = agent.say(name=name)
    return answer.get("name") or answer["error"]


def flushed(network, *words, config=None):
    done = network.run(*words, "--flush-connections", "--verbose", config=config)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def older(network, tracked):
    """Connections from before the install, by what they are; each with its agent."""
    with contextlib.ExitStack() as stack:
        def hold(agent, uid, to):
            return agent, stack.enter_context(held(agent, uid, to))

        yield {"application": hold(network.vm, n.APP, [n.FAR, 80]),
               "application over IPv6": hold(network.vm, n.APP, [n.FAR6, 80]),
               "excluded": hold(network.vm, n.APP, [n.FAR, 3306]),
               "proxy": hold(network.vm, n.PROXY, [n.FAR, 443]),
               "from outside": hold(network.outside, n.APP, [n.VM, 80]),
               "from outside over IPv6": hold(network.outside, n.APP, [n.VM6, 80]),
               "SSH": hold(network.outside, n.APP, [n.VM, 22]),
               "inside": hold(network.vm, n.APP, ["127.0.0.1", 80])}


AFFECTED = {"application": "ECONNABORTED", "application over IPv6": "ECONNABORTED",
            "from outside": "ECONNRESET", "from outside over IPv6": "ECONNRESET"}


def test_older_connections_stay_direct(network, older):
    network.install(RULES)
    assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outbound"
    answers = {what: who(agent, name) for what, (agent, name) in older.items()}
    assert answers == {what: "service" if what in ("SSH", "inside") or "from" in what else "outside"
                       for what in older}


def test_flushing_ends_exactly_those_that_would_be_captured(network, older):
    said = flushed(network, "install", config=network.config(RULES))
    assert "4 TCP connections ended" in said
    for what, how in AFFECTED.items():
        agent, name = older[what]
        assert agent.ended(name=name) == {"error": how}, what
    answers = {what: who(agent, name) for what, (agent, name) in older.items()
               if what not in AFFECTED}
    assert answers == {"excluded": "outside", "proxy": "outside", "SSH": "service",
                       "inside": "service"}


def test_flushing_later_does_the_same_and_spares_the_captured(network, older):
    path = network.install(RULES)
    with held(network.vm, n.APP, [n.FAR, 443]) as captured:
        assert "4 TCP connections ended" in flushed(network, "install", config=path)
        assert network.vm.ended(name=older["application"][1]) == {"error": "ECONNABORTED"}
        assert who(network.vm, captured) == "outbound"
        assert "0 TCP connections ended" in flushed(network, "install", config=path)
        assert who(network.vm, captured) == "outbound"


def test_what_is_excluded_now_is_ended_too(network):
    network.install(RULES)
    with held(network.vm, n.APP, [n.FAR, 443]) as captured:
        assert who(network.vm, captured) == "outbound"
        less = RULES.replace("3306", "3306, 443")
        assert "1 TCP connections ended" in flushed(network, "install", config=network.config(less))
        assert network.vm.ended(name=captured) == {"error": "ECONNABORTED"}


@pytest.mark.parametrize("flush", [False, True], ids=["", "flush"])
def test_a_socket_that_asked_before_is_captured_after_a_flush(network, flush):
    """Without a zone; with one its next question is the first of that zone."""
    network.vm_namespace.run("nft", "-f", "-", input=TRACKING)
    network.vm.hold_udp(uid=n.APP, to=[n.FAR, 53], name="asker")
    network.vm.hold_udp(uid=n.PROXY, to=[n.FAR, 53], name="resolver")
    assert network.vm.say_udp(name="asker")["name"] == "outside"
    assert network.vm.say_udp(name="resolver")["name"] == "outside"
    path = network.config(RULES.replace("[redirect.inbound]", "conntrack_zone = 0\n[redirect.inbound]"))
    if flush:
        assert "1 flows of DNS begin anew" in flushed(network, "install", config=path)
    else:
        assert network.run("install", config=path).returncode == 0
    assert network.vm.say_udp(name="asker")["name"] == ("resolver" if flush else "outside")
    assert network.vm.say_udp(name="resolver")["name"] == "outside"
    for name in ("asker", "resolver"):
        network.vm.let_go(name=name)


def test_flushing_ends_what_comes_through_with_its_next_packet(network):
    """A client behind an interface: no socket of this machine is in it."""
    network.vm_namespace.run("nft", "-f", "-", input=TRACKING)
    rules = RULES + '[[redirect.network]]\ninterface = "lan0"\ncidr = "10.66.2.0/24"\n'
    with held(network.client, n.APP, [n.FAR, 80]) as older, \
            held(network.client, n.APP, [n.FAR6, 80]) as not_of_the_network:
        said = flushed(network, "install", config=network.config(rules))
        assert "1 end with their next packet" in said
        assert who(network.client, older) == "ECONNRESET"
        assert who(network.client, not_of_the_network) == "outside"


def test_docker_s_published_port_is_not_ended(network):
    network.vm_namespace.run("nft", "-f", "-", input="table ip docker {\n  chain prerouting {\n"
                             "    type nat hook prerouting priority -100;\n    iifname up0 tcp "
                             f"dport 8080 dnat to {n.CLIENT}:8080\n  }}\n}}\n")
    with network.serving(agent=network.client, uid=n.SERVICE, name="container", tcp=[8080]), \
            held(network.outside, n.APP, [n.VM, 8080]) as published:
        assert who(network.outside, published) == "container"
        said = flushed(network, "install", config=network.config(RULES))
        assert "0 TCP connections ended\n" in said
        assert who(network.outside, published) == "container"


def test_uninstall_ends_the_captured_and_no_other(network, older):
    network.install(RULES)
    with held(network.vm, n.APP, [n.FAR, 80]) as out, \
            held(network.vm, n.APP, [n.FAR6, 80]) as out6, \
            held(network.outside, n.APP, [n.VM, 80]) as arrived:
        assert "3 TCP connections ended" in flushed(network, "uninstall")
        assert network.vm.ended(name=out) == {"error": "ECONNABORTED"}
        assert network.vm.ended(name=out6) == {"error": "ECONNABORTED"}
        assert network.outside.ended(name=arrived) == {"error": "ECONNRESET"}
        assert all(who(agent, name) in ("outside", "service") for agent, name in older.values())
    assert network.run("status").returncode == 3


# --- drain -------------------------------------------------------------------------------------------


class Drain:
    """uninstall --drain in the background."""

    def __init__(self, network, *words):
        self.network = network
        self.process = network.vm_namespace.start(network.redirect, "uninstall", "--verbose", *words)
        self.process.wait_ready(self.is_on, "the drain")

    def is_on(self):
        return any("draining until" in line for line in self.status()["problems"])

    def status(self):
        return json.loads(self.network.run("status", "--json").stdout)

    def end(self):
        assert self.process.wait() == 0, self.process.output()
        assert self.network.run("status").returncode == 3
        return self.process.output()


@pytest.fixture
def draining(network):
    started = []

    def start(*words):
        started.append(Drain(network, *words))
        return started[-1]

    yield start
    for drain in started:
        drain.process.stop()


def test_a_drain_spares_what_is_captured_until_it_ends(network, draining):
    path = network.install(RULES + "[redirect]\ndrop_invalid = true\n")
    with contextlib.ExitStack() as stack:
        captured = [(agent, stack.enter_context(held(agent, n.APP, to))) for agent, to in (
            (network.vm, [n.FAR, 80]), (network.vm, [n.FAR6, 80]),
            (network.outside, [n.VM, 80]), (network.outside, [n.VM6, 80]))]
        names = ["outbound", "outbound", "inbound", "inbound"]
        drain = draining("--drain", "1h")
        status = drain.status()
        assert (status["state"], status["inbound"], status["outbound"]) == ("differs", None, None)
        assert network.run("status", config=path).returncode == 2
        for _ in range(2):
            assert [who(agent, name) for agent, name in captured] == names
            assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outside"
            assert network.vm.tcp(uid=n.APP, to=[n.FAR6, 80])["name"] == "outside"
            assert network.outside.tcp(uid=n.APP, to=[n.VM, 80])["name"] == "service"
            assert network.vm.udp(uid=n.APP, to=[n.FAR, 53])["name"] == "outside"
        assert drain.process.running()
    assert "lose" not in drain.end()


@pytest.mark.parametrize("engine", ["iptables-legacy"], indirect=True)
def test_a_drain_is_told_of_when_the_rules_of_iptables_are_gone(network, engine):
    """They go a moment after its table has come: as long as somebody else has iptables' lock."""
    vm = network.vm_namespace
    network.install(RULES)
    lock = network.folder / "xtables.lock"
    lock.touch()
    vm.run("touch", "/run/xtables.lock")
    vm.bind_file(lock, "/run/xtables.lock")
    try:
        with held(network.vm, n.APP, [n.FAR, 80]), open(lock) as somebody:
            fcntl.flock(somebody, fcntl.LOCK_EX)
            drain = vm.start(network.redirect, "uninstall", "--drain", "1h")
            lab.wait_until(lambda: vm.try_run("nft", "list", "table", "inet",
                                              "meshgate").returncode == 0, "its table")
            for _ in range(3):
                status = json.loads(network.run("status", "--json").stdout)
                assert (status["inbound"], status["outbound"]) == (15006, 15001), status
                assert status["state"] == "differs"
                assert not any("draining until" in line for line in status["problems"])
                assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outbound"
            fcntl.flock(somebody, fcntl.LOCK_UN)
            status = lab.wait_until(
                lambda: (now := json.loads(network.run("status", "--json").stdout))
                and any("draining until" in line for line in now["problems"]) and now, "the drain")
            assert (status["inbound"], status["outbound"]) == (None, None)
            assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outside"
        assert drain.wait() == 0, drain.output()
    finally:
        vm.run("umount", "/run/xtables.lock")


def test_a_question_under_way_is_answered_during_a_drain(network, draining):
    network.install(RULES.replace("[redirect.inbound]", "port = 15054\n[redirect.inbound]"))
    network.vm.wait_udp(uid=n.PROXY, at=["127.0.0.1", 15054], name="late")
    network.vm.hold_udp(uid=n.APP, to=[n.FAR, 53], name="asker")
    network.vm.ask_udp(name="asker")
    drain = draining("--drain", "1h")
    network.vm.answer_udp(name="late")
    assert network.vm.hear_udp(name="asker") == {"name": "late"}
    drain.end()
    assert network.vm.say_udp(name="asker")["name"] == "outside"
    for name in ("late", "asker"):
        network.vm.let_go(name=name)


def test_a_drain_without_connections_is_over_at_once(network):
    network.install(RULES)
    done = network.run("uninstall", "--drain", "1h")
    assert (done.returncode, done.stderr) == (0, "")
    assert network.run("status").returncode == 3
    assert network.run("uninstall", "--drain", "1h").returncode == 0


@pytest.mark.parametrize("flush", [False, True], ids=["", "flush"])
def test_a_drain_ends_when_its_time_is_over(network, flush):
    network.install(RULES)
    with held(network.vm, n.APP, [n.FAR, 80]) as captured:
        done = network.run("uninstall", "--drain", "1s", "--verbose",
                           *(["--flush-connections"] if flush else []))
        assert done.returncode == 0
        assert network.run("status").returncode == 3
        assert ("1 connections lose their translation" in done.stderr) != flush
        if flush:
            assert "1 TCP connections ended" in done.stderr
            assert network.vm.ended(name=captured) == {"error": "ECONNABORTED"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_drain_and_nothing_is_left(network, draining, number):
    network.install(RULES)
    with held(network.vm, n.APP, [n.FAR, 80]):
        drain = draining("--drain", "1h")
        drain.process.send_signal(number)
        assert "ended by a signal: 1 connections" in drain.end()


def test_what_a_killed_drain_leaves_is_ours(network, draining):
    network.install(RULES)
    with held(network.vm, n.APP, [n.FAR, 80]) as captured:
        killed = draining("--drain", "1h")
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait()
        assert killed.is_on()
        assert who(network.vm, captured) == "outbound"
        again = draining("--drain", "1h")
        assert who(network.vm, captured) == "outbound"
        again.process.send_signal(signal.SIGKILL)
        again.process.wait()
        assert network.run("uninstall").returncode == 0
        assert network.run("status").returncode == 3


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_who_acts_during_a_drain_has_the_last_word(network, draining, verb):
    path = network.install(RULES)
    with held(network.vm, n.APP, [n.FAR, 80]) as captured:
        drain = draining("--drain", "1h")
        assert network.run(verb, config=path).returncode == 0
        assert drain.process.wait() == 0
        assert "somebody else" in drain.process.output()
        assert network.run("status", config=path).returncode == (0 if verb == "install" else 3)
        if verb == "install":
            assert who(network.vm, captured) == "outbound"
            assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outbound"


@pytest.mark.parametrize("words", [["--drain", "0s"], ["--drain", "61m"], ["--drain", "soon"],
                                   ["--drain"]])
def test_a_drain_is_bounded(network, words):
    path = network.install(RULES)
    assert network.run("uninstall", *words).returncode == 2
    assert network.run("status", config=path).returncode == 0


def test_draining_needs_privilege(network):
    path = network.install(RULES)
    for words in (["--drain", "5s"], ["--flush-connections"]):
        assert network.run("uninstall", *words, uid=n.APP).returncode == 77
    assert network.run("status", config=path).returncode == 0


# --- kernels that lack something -----------------------------------------------------------------------


@pytest.fixture
def run_without(network):
    """meshgate-redirect on a kernel that lacks what a library, preloaded, has refused."""

    def run(library, *words, config=None):
        preloaded = network.folder / f"{library}.so"
        if not preloaded.exists():
            subprocess.run(["cc", "-shared", "-fPIC", "-o", preloaded, n.HERE / f"{library}.c",
                            "-ldl"], check=True)
        options = ["--config", config] if config else []
        done = network.vm_namespace.try_run("env", f"LD_PRELOAD={preloaded}", network.redirect,
                                            *words, *options)
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run


def test_without_a_way_to_end_sockets_the_next_packet_ends_them(network, older, run_without):
    said = run_without("no_destroy", "install", "--flush-connections", "--verbose",
                       config=network.config(RULES))
    assert "0 TCP connections ended, 4 end with their next packet" in said
    answers = {what: who(agent, name) for what, (agent, name) in older.items()}
    assert answers == {what: "ECONNRESET" if what in AFFECTED else
                       "service" if what in ("SSH", "inside") else "outside" for what in older}
    with held(network.vm, n.APP, [n.FAR, 80]) as captured:
        said = run_without("no_destroy", "uninstall", "--flush-connections", "--verbose")
        assert "1 end with their next packet" in said
        assert who(network.vm, captured) == "ECONNRESET"
    # The servers have not heard of it, as nothing was sent to them: they are told now.
    flushed(network, "install", config=network.config(RULES))


def test_without_a_look_at_connections_it_is_said_and_done_all_the_same(network, run_without):
    with held(network.vm, n.APP, [n.FAR, 3306]) as older:
        said = run_without("no_ctnetlink", "install", "--flush-connections",
                           config=network.config(RULES))
        assert said.count("CONFIG_NF_CT_NETLINK") == 2 and "may be reset" in said
        assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outbound"
        assert who(network.vm, older) == "outside"
    said = run_without("no_ctnetlink", "uninstall", "--drain", "1s", "--flush-connections")
    assert "takes the whole time" in said
    assert network.run("status").returncode == 3
