"""explain --trace: one real packet, followed through the rules of everybody."""

import json

import network as n
import pytest

CONFIG = n.DNS_ALL + "[redirect.inbound]\nexclude_ports = [22]\n"


def trace(network, *words, status=0):
    done = network.run("explain", "--trace", "--json", *words)
    assert done.returncode == status, done.stderr
    way = json.loads(done.stdout)
    assert way["schema"] == "meshgate-redirect.trace/1"
    return way


def met(way):
    return [(step["table"], step["chain"]) for step in way["steps"] if step["kind"] == "rule"]


def rule_in(way, table, chain):
    return next(step for step in way["steps"]
                if step["kind"] == "rule" and (step["table"], step["chain"]) == (table, chain))


@pytest.mark.parametrize("to", [f"{n.FAR}:80", f"[{n.FAR6}]:80"])
def test_a_captured_connection(network, to):
    network.install(CONFIG)
    network.vm_namespace.run("nft", "-f", "-", input="table inet foreign { chain in { type filter "
                             "hook input priority 0\n tcp dport 15001 counter\n }\n }")
    way = trace(network, "--user", n.APP, "tcp", to)
    assert way["end"] == "connected"
    assert way["packet"]["destination"] == to
    step = rule_in(way, "meshgate", "output")
    assert "redirect to :15001" in step["text"]
    assert step["comment"] == "outbound TCP goes to the proxy"
    assert step["out"] == n.UPLINK
    # It goes on to where it was redirected, over lo.
    arrived = rule_in(way, "foreign", "in")
    assert arrived["packet"]["destination"].endswith(":15001") and arrived["in"] == "lo"


def test_a_packet_that_is_left_alone(network):
    network.install(CONFIG)
    way = trace(network, "--user", n.PROXY, "tcp", f"{n.FAR}:80")
    assert way["end"] == "connected"
    assert "return" in rule_in(way, "meshgate", "output")["verdict"]
    assert not any(each["packet"] and ":15001" in each["packet"]["destination"]
                   for each in way["steps"])


def test_a_question(network):
    network.install(CONFIG)
    way = trace(network, "--user", n.APP, "udp", f"{n.FAR}:53")
    assert ("meshgate", "output") in met(way) and ("meshgate", "dns_zone") in met(way)
    assert way["end"] == "answered"


def test_what_arrives(network):
    network.install(CONFIG)
    way = trace(network, "--inbound", "tcp", f"{n.VM}:80")
    assert way["end"] == "connected"
    step = rule_in(way, "meshgate", "inbound")
    assert "redirect to :15006" in step["text"]
    assert step["in"].startswith("mgprobe")
    # From an address of others: its answers go back there, and not to whoever has it.
    with network.vm_namespace.capture(n.UPLINK, "tcp or udp") as leaving:
        way = trace(network, "--inbound", "--from", "203.0.113.99", "tcp", f"{n.VM}:80")
    assert way["packet"]["source"].startswith("203.0.113.99:")
    assert leaving.packets == []
    assert rule_in(way, "meshgate", "inbound")


def test_the_rules_of_others_are_named(network):
    network.install(CONFIG)
    vm = network.vm_namespace
    vm.run("iptables-nft", "-t", "filter", "-N", "FIREWALL")
    vm.run("iptables-nft", "-t", "filter", "-A", "OUTPUT", "-p", "tcp", "-j", "FIREWALL")
    vm.run("iptables-nft", "-t", "filter", "-A", "FIREWALL", "-m", "owner", "--uid-owner", n.APP,
           "-m", "comment", "--comment", "not for them", "-j", "DROP")
    vm.run("nft", "-f", "-", input='table inet early { chain out { type filter hook output priority '
                                   '-310\n tcp dport 80 counter comment "seen"\n }\n }')
    way = trace(network, "--user", n.APP, "tcp", f"{n.FAR}:80")
    assert way["end"] == "no answer"
    assert rule_in(way, "early", "out")["comment"] == "seen"
    assert rule_in(way, "filter", "OUTPUT")["verdict"] == "jump FIREWALL"
    dropped = rule_in(way, "filter", "FIREWALL")
    assert (dropped["verdict"], dropped["comment"]) == ("drop", "not for them")
    assert "match owner" in dropped["text"]
    text = network.run("explain", "--trace", "--user", n.APP, "tcp", f"{n.FAR}:80").stdout
    assert "ip filter FIREWALL: rule" in text and text.endswith("then: no answer\n")
    order = [text.index(part) for part in ("inet early out", "inet meshgate output",
                                           "ip filter FIREWALL")]
    assert order == sorted(order)


def test_only_that_packet_is_traced_and_nothing_is_left(network):
    network.install(CONFIG)
    before = network.vm_namespace.run("nft", "-s", "-a", "list", "ruleset")
    way = trace(network, "--user", n.APP, "tcp", f"{n.FAR}:80")
    assert {step["family"] for step in way["steps"]} == {"inet"}
    assert len([one for one in met(way) if one == ("meshgate", "output")]) == 1
    assert network.vm_namespace.run("nft", "-s", "-a", "list", "ruleset") == before
    strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=poll", "-e",
              "inject=poll:signal=KILL:when=1"]
    network.vm_namespace.try_run(*strace, network.redirect, "explain", "--trace", "tcp",
                                 f"{n.FAR}:80")
    assert network.vm_namespace.run("nft", "-s", "-a", "list", "ruleset") == before


@pytest.mark.parametrize("words, status, message", [
    (("--planned", "tcp", "1.2.3.4:80"), 2, "--trace follows one packet"),
    (("--inbound", "tcp", "1.2.3.4:80"), 2, "no address of this machine"),
    (("--inbound", "tcp", "127.0.0.1:80"), 2, "no address of this machine"),
])
def test_a_trace_that_makes_no_sense_is_2(network, words, status, message):
    done = network.run("explain", "--trace", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr


def test_an_ordinary_user_may_not_trace(network):
    assert network.run("explain", "--trace", "tcp", f"{n.FAR}:80", uid=n.APP).returncode == 77
