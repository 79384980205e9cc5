"""explain says where a packet goes; here packets go there, and are compared with what it said."""

import json
import os
import random

import network as n
import pytest

ENGINES = n.ENGINES

PROBES = 400 if os.environ.get("MESHGATE_FULL") else 60
SEED = int(os.environ.get("MESHGATE_SEED", random.SystemRandom().randrange(1 << 32)))

DNS_SERVERS = '[redirect.dns]\nenabled = true\nprotocols = ["udp", "tcp"]\n'
MATRIX = {
    "defaults": "",
    "dns": n.DNS_ALL,
    "dns over UDP, two servers": DNS_SERVERS.replace(', "tcp"', ""),
    "exclusions": n.DNS_ALL + """
[redirect.inbound]
exclude_ports = [22, "3000-3306"]
exclude_sources = ["10.66.1.2", "fd66:9::/64"]
[redirect.outbound]
exclude_ports = [443, "3000-3306"]
exclude_destinations = ["198.51.100.0/24", "fd66:1::/64"]
""",
    "users": DNS_SERVERS + """
[redirect.outbound]
exclude = [{ users = "1001-1002" }, { users = 1000, protocols = "udp", ports = 53 },
           { users = 4294967294, protocols = "tcp", ports = ["80", "8000-9000"] }]
""",
    "includes": n.DNS_ALL + """
[redirect.inbound]
include_ports = [80, "3000-3306"]
[redirect.outbound]
include_ports = [53, 80, "3000-4000"]
""",
    "inbound only": "[redirect.outbound]\nenabled = false\n",
    "outbound only": "[redirect.inbound]\nenabled = false\n",
    "IPv4 only": '[redirect]\nip_family = "ipv4"\n' + n.DNS_ALL,
    "IPv6 only": '[redirect]\nip_family = "ipv6"\n' + n.DNS_ALL,
    "a network": n.DNS_ALL + """
[redirect.inbound]
insert = true
[[redirect.network]]
interface = "lan+"
cidr = ["10.66.2.0/24", "fd66:2::/64"]
""",
}

OUTSIDE_PORTS = {"tcp": (22, 53, 80, 443, 3000, 3306, 8080), "udp": (53, 3000, 5353)}
VM_PORTS = {"tcp": (22, 80, 8080, 3306), "udp": (3000,)}
USERS = (0, n.PROXY, n.APP, n.OTHER, n.SERVICE, 1999, 70000, 4294967294)
AGENTS = {"vm": (None, None),
          "outside": ("up0", {4: n.OUTSIDE, 6: n.OUTSIDE6}),
          "client": ("lan0", {4: n.CLIENT, 6: n.CLIENT6})}


class Probe:
    """One connection or datagram: as the agent makes it, and as explain is asked of it."""

    def __init__(self, choose):
        self.agent = choose.choice(("vm", "vm", "vm", "outside", "client"))
        self.protocol = choose.choice(("tcp", "tcp", "udp"))
        self.uid = choose.choice(USERS)
        family = choose.choice((4, 6))
        near = {4: (n.VM, n.LAN), 6: (n.VM6, n.LAN6)}[family]
        if self.agent == "vm":
            near += ({4: "127.0.0.1", 6: "::1"}[family],)
        far = {4: (n.FAR, n.OUTSIDE), 6: (n.FAR6, n.OUTSIDE6)}[family]
        self.is_near = self.agent == "outside" or choose.random() < 0.4
        self.to = choose.choice(near if self.is_near else far)
        ports = VM_PORTS if self.is_near else OUTSIDE_PORTS
        self.port = choose.choice(ports[self.protocol])
        self.family = family

    def question(self):
        interface, sources = AGENTS[self.agent]
        where = f"[{self.to}]:{self.port}" if ":" in self.to else f"{self.to}:{self.port}"
        if interface is None:
            return f"--user {self.uid} {self.protocol} {where}"
        return (f"--inbound --interface {interface} --from {sources[self.family]} "
                f"{self.protocol} {where}")

    def landing(self, network):
        ask = getattr(getattr(network, self.agent), self.protocol)
        answer = ask(uid=self.uid if self.agent == "vm" else 0, to=[self.to, self.port])
        return answer.get("name") or answer["error"]

    def expected(self, explained):
        if explained["verdict"] == "redirected":
            return {15001: "outbound", 15006: "inbound", 15053: "resolver"}[explained["to_port"]]
        assert explained["verdict"] == "straight", explained
        return "service" if self.is_near else "outside"


def explain(network, questions, *options):
    done = network.vm_namespace.try_run(network.redirect, "explain", "--batch", "--json", *options,
                                        input="".join(f"{each}\n" for each in questions))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", MATRIX)
def test_packets_land_where_explain_says(network, name):
    path = network.install(MATRIX[name], nameservers=(n.OUTSIDE, n.FAR6))
    choose = random.Random(f"{SEED} {name}")
    probes = [Probe(choose) for _ in range(PROBES)]
    questions = [probe.question() for probe in probes]
    installed = explain(network, questions)
    planned = explain(network, questions, "--config", path)
    for probe, one, other in zip(probes, installed, planned):
        hint = f"MESHGATE_SEED={SEED}: {probe.question()}: {one}"
        assert (one["rules"], other["rules"]) == ("installed", "planned")
        assert {**one, "rules": ""} == {**other, "rules": ""}, hint
        assert probe.landing(network) == probe.expected(one), hint


@pytest.mark.nftables_only
def test_what_others_have_on_the_hooks_is_named(network):
    vm = network.vm_namespace
    vm.run("nft", "-f", "-", input="""
add table ip early
add chain ip early to_eight { type nat hook output priority -150; }
add rule ip early to_eight ip daddr 192.0.2.9 dnat to 192.0.2.8
add table inet late
add chain inet late mail { type filter hook output priority 10; }
add rule inet late mail tcp dport 25 drop
add table ip6 other
add chain ip6 other out { type nat hook output priority -150; }
add table ip elsewhere
add chain ip elsewhere in { type nat hook input priority 100; }
""")
    network.install()
    answer, = explain(network, [f"--user 1000 tcp {n.FAR}:80"])
    seen = {each["table"]: (each["place"], each["nat"], each["drop"]) for each in answer["foreign"]}
    assert seen == {"early": ("before", True, False), "late": ("after", False, True)}
    text = network.run("explain", "--user", "1000", "tcp", f"{n.FAR}:80").stdout
    assert text.startswith(f"tcp to {n.FAR}:80, of user 1000, leaving by up0\n"
                           "  is redirected to port 15001 of this machine\nby the installed rules:\n")
    assert ("not ours, not looked into: ip early to_eight (nat, priority -150), before ours; "
            "its table has rules that translate\n") in text


def test_without_a_route_nothing_begins(network):
    network.install(base="[proxy]\nenabled = true\nuser = 5678\n[vip]\nipv4 = \"10.66.1.128/25\"\n")
    with network.without_default_routes():
        answer, = explain(network, ["--user 1000 tcp 192.0.2.77:80"])
    assert (answer["verdict"], answer["to_port"], answer["steps"]) == ("no-route", None, [])


def test_a_plan_is_explained_to_anybody(network):
    done = network.run("explain", "--user", "1000", "tcp", f"{n.FAR}:80",
                       config=network.config(), uid=n.APP)
    assert done.returncode == 0
    assert "by the rules of the configuration, not installed yet" in done.stdout
    assert "that takes root" in done.stderr


@pytest.mark.parametrize("words, message", [
    ((), "needs tcp or udp"), (("tcp",), "needs tcp or udp"), (("icmp", "1.2.3.4:1"), "needs tcp"),
    (("tcp", "1.2.3.4"), "is not ADDRESS:PORT"), (("tcp", "example.org:80"), "is not ADDRESS:PORT"),
    (("tcp", "1.2.3.4:0"), "is not ADDRESS:PORT"), (("tcp", "[fe80::1%up0]:80"), "is not ADDRESS"),
    (("--user", "nobody-at-all", "tcp", "1.2.3.4:80"), "does not exist"),
    (("--user", "4294967295", "tcp", "1.2.3.4:80"), "--user"),
    (("--from", "x", "--inbound", "tcp", "1.2.3.4:80"), "--from: 'x' is not an address"),
    (("--from", "::1", "--inbound", "tcp", "1.2.3.4:80"), "not of one family"),
    (("--inbound", "--user", "1", "tcp", "1.2.3.4:80"), "has no user here"),
    (("--batch", "tcp", "1.2.3.4:80"), "--batch reads"),
])
def test_a_question_that_makes_no_sense_is_2(network, words, message):
    done = network.run("explain", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
