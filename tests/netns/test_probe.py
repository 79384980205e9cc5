"""Probes: every path of a policy is tried with real packets, what is wrong is found, nothing leaves the
machine and nothing is left on it. install --probe takes back what does not stand them."""

import contextlib
import json
import re

import lab
import network as n
import pytest
from guarding import Guard
from test_confirm import wait_for_watchers, watchers
from test_guard import listing

# Ports that nobody has: the proxy and the resolver are down.
DOWN = """
[redirect.inbound]
port = 16006
exclude_ports = [22]
[redirect.outbound]
port = 16001
exclude_ports = [3306]
exclude_destinations = ["203.0.113.0/24", "2001:db8:ffff::/48"]
[redirect.dns]
enabled = true
port = 16053
capture = "{capture}"
protocols = ["udp", "tcp"]
[[service]]
name = "backend"
"""
# A foreign table for each way in which a packet can go wrong, and a part of the line that says so.
DAMAGE = {
    "outbound": ("chain output { type nat hook output priority -150\n tcp dport 7080 redirect to :9 \n}",
                 "TCP from an application"),
    "outbound to inbound": ("chain output { type nat hook output priority -150\n meta skuid 65534 tcp "
                            "dport 7080 redirect to :16006 \n}",
                            "TCP from an application (user 65534) to 192.0.2.2:7080"),
    "dns": ("chain output { type nat hook output priority -150\n udp dport 53 redirect to :9 \n}",
            "DNS over UDP from an application"),
    "inbound": ("chain input { type filter hook input priority 0\n tcp dport 16006 drop \n}",
                "TCP from somebody outside to 192.0.2.1"),
    "ipv6": ("chain output { type filter hook output priority 0\n ip6 daddr ::1 tcp dport 16001 drop \n}",
             "TCP from an application (user 65534) to [2001:db8:6d67::2]"),
    "proxy": ("chain output { type nat hook output priority -150\n meta skuid 5678 tcp dport 7080 "
              "redirect to :16001 \n}", "TCP from the proxy (user 5678) to 192.0.2.2"),
}


def probe(network, config):
    done = network.run("doctor", "--probe", "--json", config=config)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    wrong = [one for one in report["probes"] if one["verdict"] == "wrong"]
    codes = {one["code"] for one in report["findings"]}
    assert ("MG801" in codes) == bool(wrong)
    if wrong:
        assert done.returncode == 1
    return report["probes"], wrong, done


def surroundings(network):
    vm = network.vm_namespace
    return [vm.run("nft", "-s", "list", "ruleset")] + [vm.run("ip", *words.split()) for words in (
        "-br link", "-br address", "-4 rule", "-6 rule", "-4 route show table all",
        "-6 route show table main")]


@pytest.mark.parametrize("capture", ["all", "resolv-conf"])
@pytest.mark.parametrize("engine", ["nftables", "iptables-nft"], indirect=True)
def test_every_path_is_right_while_the_proxy_is_down(network, capture):
    path = network.install(DOWN.format(capture=capture), nameservers=(n.FAR, n.FAR6))
    before = surroundings(network)
    with network.vm_namespace.capture(n.UPLINK, "tcp or udp") as leaving:
        probes, wrong, done = probe(network, path)
    assert wrong == [], done.stdout
    assert leaving.packets == []
    assert surroundings(network) == before
    said = [one["probe"] for one in probes]
    assert len(said) > 30 and {one["verdict"] for one in probes} == {"right"}
    for part in ("user 65534) to [2001:db8:6d67::2]:7080", f"to {n.FAR}:53", f"to [{n.FAR6}]:53",
                 "DNS over TCP", "for backend.mesh", "somebody outside to [2001:db8:6d67::1]:22",
                 "255.255.255.254:7080", "203.0.113.0:7080"):
        if capture == "all" and n.FAR in part:
            continue
        assert any(part in line for line in said), (part, said)


def test_the_real_listeners_are_used_where_there_are_some(network):
    path = network.install(n.DNS_ALL + "[redirect.inbound]\nexclude_ports = [22]\n")
    _, wrong, done = probe(network, path)
    # The agent's resolver answers with JSON, over TCP to whole lines only: that is found, and
    # nothing else.
    assert wrong and all(one["found"].startswith("port 15053, ") for one in wrong), done.stdout


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_packet_that_goes_another_way_is_found(network, damage):
    rules, line = DAMAGE[damage]
    path = network.install(DOWN.format(capture="all"))
    network.vm_namespace.run("nft", "-f", "-", input=f"table inet foreign {{ {rules}\n }}")
    _, wrong, done = probe(network, path)
    network.vm_namespace.run("nft", "delete", "table", "inet", "foreign")
    assert any(one["probe"].startswith(line) for one in wrong), done.stdout


def test_rules_that_somebody_changed_do_not_do_what_the_configuration_says(network):
    path = network.install(DOWN.format(capture="all"))
    network.vm_namespace.run("nft", "insert", "rule", "inet", "meshgate", "output", "return")
    _, wrong, _ = probe(network, path)
    assert any(one["found"] == "straight" for one in wrong)


def test_a_family_that_is_off_is_left_out(network):
    path = network.install('[redirect]\nip_family = "ipv4"\n' + DOWN.format(capture="all"))
    probes, wrong, _ = probe(network, path)
    assert wrong == [] and not any("[" in one["probe"] for one in probes)


def test_an_ordinary_user_cannot_send_probes(network):
    path = network.install(DOWN.format(capture="all"))
    done = network.run("doctor", "--probe", config=path, uid=65534)
    assert done.returncode == 77


def test_a_probe_that_is_killed_leaves_nothing(network):
    path = network.install(DOWN.format(capture="resolv-conf"), nameservers=(n.FAR, n.FAR6))
    before = surroundings(network)
    strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=poll", "-e",
              "inject=poll:signal=KILL:when=1"]
    done = network.vm_namespace.try_run(*strace, network.redirect, "doctor", "--probe", "--config",
                                        path)
    assert done.returncode != 0 and "probe" not in done.stdout
    lab.wait_until(lambda: surroundings(network) == before, "the interface and the rules to go")


def test_install_takes_back_what_does_not_stand_the_probes(network):
    bad = DAMAGE["outbound"][0]
    good = network.config(DOWN.format(capture="all"))
    network.vm_namespace.run("nft", "-f", "-", input=f"table inet foreign {{ {bad}\n }}")
    before = surroundings(network)
    done = network.run("install", "--probe", config=good)
    assert done.returncode == 1 and "taken back" in done.stderr, done.stderr
    assert network.run("status", config=good).returncode == 3
    assert surroundings(network) == before
    # An older install comes back as it was.
    network.vm_namespace.run("nft", "delete", "table", "inet", "foreign")
    older = network.install("[redirect.inbound]\nexclude_ports = [1234]\n")
    network.vm_namespace.run("nft", "-f", "-", input=f"table inet foreign {{ {bad}\n }}")
    assert network.run("install", "--probe", config=good).returncode == 1
    assert network.run("status", config=older).returncode == 0
    assert network.run("diff", config=older).stdout == ""
    network.vm_namespace.run("nft", "delete", "table", "inet", "foreign")
    # And where nothing is wrong it stays.
    done = network.run("install", "--probe", config=good)
    assert done.returncode == 0, done.stderr
    assert network.run("status", config=good).returncode == 0


# --- with a confirmation, and with a guard -----------------------------------------------------


@contextlib.contextmanager
def damaged(network):
    network.vm_namespace.run("nft", "-f", "-",
                             input=f"table inet foreign {{ {DAMAGE['outbound'][0]}\n }}")
    yield
    network.vm_namespace.run("nft", "delete", "table", "inet", "foreign")


@contextlib.contextmanager
def maybe_guard(network, guarded, text):
    if not guarded:
        network.install(text)
        yield None
        return
    with Guard(network, text) as guard:
        yield guard


OLDER = "[redirect.inbound]\nexclude_ports = [1234]\n"


@pytest.mark.parametrize("guarded", [False, True], ids=["", "guard"])
@pytest.mark.parametrize("confirm", [[], ["--confirm", "60s"]], ids=["", "confirm"])
def test_what_fails_its_probes_is_taken_back_and_all_is_as_before(network, guarded, confirm):
    good = network.config(DOWN.format(capture="all"))
    with maybe_guard(network, guarded, OLDER) as guard:
        older = guard.path if guard else network.latest
        before = listing(network)
        with damaged(network):
            done = network.run("install", "--probe", *confirm, config=good)
        assert done.returncode == 1 and "taken back" in done.stderr, done.stderr
        assert not watchers(network)
        if guard:
            lab.wait_until(guard.is_ready, "the guard")
            assert guard.metrics()["meshgate_guard_holds_rules"] == 1
        assert network.run("status", config=older).returncode == 0
        assert listing(network) == before
        assert network.run("confirm").returncode == 3
        assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outbound"


@pytest.mark.parametrize("guarded", [False, True], ids=["", "guard"])
@pytest.mark.parametrize("end", ["confirm", "undo", "in-vain"])
def test_what_stands_its_probes_waits_to_be_confirmed_all_the_same(network, guarded, end):
    good = network.config(DOWN.format(capture="all"))
    with maybe_guard(network, guarded, OLDER) as guard:
        older = guard.path if guard else network.latest
        done = network.run("install", "--probe", "--confirm", "3s" if end == "in-vain" else "60s",
                           config=good)
        assert done.returncode == 0 and "to keep it" in done.stderr, done.stderr
        if end != "in-vain":
            words = ["confirm"] + (["--undo"] if end == "undo" else [])
            assert network.run(*words).returncode == 0
        wait_for_watchers(network)
        if guard:
            lab.wait_until(guard.is_ready, "the guard")
            assert guard.metrics()["meshgate_guard_holds_rules"] == 1
        in_force = good if end == "confirm" else older
        assert network.run("status", config=in_force).returncode == 0
        assert network.run("diff", config=in_force).stdout == ""


def test_with_the_capabilities_of_the_unit_it_is_said_that_no_probe_can_be_sent(network):
    """They are sent by who installs, not by the guard; and the change is taken back."""
    unit = (n.HERE.parents[1] / "contrib/systemd/meshgate-redirect.service.in").read_text()
    words = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].split()
    allowed = ",".join("+" + word.removeprefix("CAP_").lower() for word in words)
    confined = ["setpriv", "--no-new-privs", f"--bounding-set=-all,{allowed}", "--inh-caps=-all"]
    good = network.config(DOWN.format(capture="all"))
    with Guard(network, OLDER) as guard:
        before = listing(network)
        done = network.vm_namespace.try_run(*confined, network.redirect, "install", "--probe",
                                            "--config", good)
        assert done.returncode == 77 and "CAP_SYS_ADMIN" in done.stderr, done.stderr
        lab.wait_until(guard.is_ready, "the guard")
        assert listing(network) == before
        # Root sends them while a guard with no more than its unit's capabilities runs.
        assert network.run("install", "--probe", config=good).returncode == 0
        assert network.run("status", config=good).returncode == 0
