"""explain says where a packet goes; here packets go there, and are compared with what it said."""

import contextlib
import json
import os
import random

import network as n
import pytest
import test_vips

ENGINES = n.ENGINES

PROBES = 400 if os.environ.get("MESHGATE_FULL") else 60
SEED = int(os.environ.get("MESHGATE_SEED", random.SystemRandom().randrange(1 << 32)))

DNS_SERVERS = '[redirect.dns]\nenabled = true\nprotocols = ["udp", "tcp"]\n'
DNS_UDP = '[redirect.dns]\nenabled = true\ncapture = "all"\n'
NETWORK = """
[[redirect.network]]
interface = "lan+"
cidr = ["10.66.2.0/24", "fd66:2::/64"]
"""
EXCLUSIONS = """
[redirect.inbound]
exclude_ports = [22, "3000-3306"]
exclude_sources = ["10.66.1.2", "fd66:9::/64"]
[redirect.outbound]
exclude_ports = [443, "3000-3306"]
exclude_destinations = ["198.51.100.0/24", "fd66:1::/64"]
"""
RESOLVER = 1234  # the user of a resolver on the machine, at 127.0.0.53
NO_PROXY = "[proxy]\nenabled = false\nuser = 5678\n"
# The configurations of the golden files in tests/golden, by their names, with this network's
# addresses; and some more.
MATRIX = {
    "defaults": "",
    "seed": "[redirect]\ninbound.exclude_ports = 22\ndns.enabled = true\n",
    "main_job": n.DNS_ALL + '[redirect.inbound]\nexclude_ports = [22]\n[vip]\nipv6 = "fd00:fd00::/64"\n',
    "everything": "[redirect]\ndrop_invalid = true\n" + n.DNS_ALL + "conntrack_zone = 7\n" + EXCLUSIONS +
    """exclude = [ { users = "1001-1002", protocols = ["tcp", "udp"], ports = ["53", "3000-5000"] },
            { users = 1000, protocols = "tcp", ports = 53 }, { users = [1999, 70000] } ]
""" + NETWORK,
    "includes": n.DNS_ALL + """
[redirect.inbound]
include_ports = [80, "3000-3306"]
[redirect.outbound]
include_ports = [80, "3000-4000"]
""",
    "include_port_53": "[redirect.outbound]\ninclude_ports = [53, 80]\n",
    "exclude_port_53": "[redirect.outbound]\nexclude_ports = [53]\n",
    "inbound_only": "[redirect.outbound]\nenabled = false\n",
    "outbound_only": "[redirect.inbound]\nenabled = false\n",
    "dns_only": n.DNS_ALL,
    "tcp_dns_only": '[redirect.dns]\nenabled = true\nprotocols = "tcp"\n',
    "ipv4_only": '[redirect]\nip_family = "ipv4"\ndrop_invalid = true\n' + n.DNS_ALL + EXCLUSIONS,
    "ipv6_only": '[redirect]\nip_family = "ipv6"\n' + DNS_UDP,
    "nameservers": DNS_SERVERS,
    "network_without_proxy": "[redirect.dns]\nenabled = true\n" + NETWORK,
    "network_without_dns": NETWORK,
    "exclusions": DNS_SERVERS + """
[redirect.outbound]
exclude = [{ users = "1001-1002" }, { users = 1000, protocols = "udp", ports = 53 },
           { users = 4294967294, protocols = "tcp", ports = ["80", "8000-9000"] }]
""",
    "inserted": '[redirect]\ninbound.insert = true\noutbound.insert = true\nlog_prefix = "mesh: "\n' +
    DNS_SERVERS + NETWORK,
    "local_resolver": n.DNS_ALL,
    "local_resolver_is_root": DNS_UDP,
    "no_zone": DNS_UDP + "conntrack_zone = 0\n" + NETWORK,
    "nothing": "",
    "open_while_down": n.DNS_ALL + 'on_resolver_down = "open"\n',
    "lists of addresses": n.DNS_ALL + EXCLUSIONS,
    "two servers over UDP": "[redirect.dns]\nenabled = true\n",
    "exempt users": n.DNS_ALL,
    "keys": n.DNS_ALL,
    "keys, servers, users": DNS_SERVERS + """
[redirect.outbound]
exclude = [{ users = 1000, protocols = "tcp", ports = 443 }]
""",
}
# Users, groups and marks, in any number and order.
KEYS = """
[proxy]
user = [5678, 1002, 1999]
exempt_users = [1001]
exempt_groups = ["1337-1338", 70000]
exempt_marks = ["0x539/0xfff", 0x100, "0x100/0xff00", "0x20000000/0xe0000000"]
"""
BASES = {"keys": KEYS, "keys, servers, users": KEYS,
         "dns_only": NO_PROXY, "network_without_proxy": NO_PROXY, "nothing": NO_PROXY,
         "everything": n.BASE + 'exempt_users = ["1990-1999", 0]\n',
         "exempt users": n.BASE + 'exempt_users = ["1990-1999", 1000, 4294967294]\n'}
LOCAL_RESOLVERS = {"local_resolver": RESOLVER, "local_resolver_is_root": 0}

GROUPS = (0, 0, 1336, 1337, 1338, 70000, 4294967294)
MARKS = (0, 0, 0, 0x539, 0xa539, 0x53a, 0x100, 0x1ff, 0x10100, 0x20000539, 0x3fffffff, 0xffffffff)

OUTSIDE_PORTS = {"tcp": (22, 53, 80, 443, 3000, 3306, 8080), "udp": (53, 3000, 5353)}
VM_PORTS = {"tcp": (22, 80, 8080, 3306), "udp": (3000,)}
USERS = (0, n.PROXY, n.APP, n.OTHER, n.SERVICE, RESOLVER, 1999, 70000, 4294967294)
NOBODY_THERE = 9  # a port that is refused, unless it is captured
PASSTHROUGH = {4: "127.0.0.6", 6: "::6"}  # where the proxy's second hop comes from
AGENTS = {"vm": (None, None),
          "outside": ("up0", {4: n.OUTSIDE, 6: n.OUTSIDE6}),
          "client": ("lan0", {4: n.CLIENT, 6: n.CLIENT6})}


class Probe:
    """One connection or datagram: as the agent makes it, and as explain is asked of it."""

    def __init__(self, choose, has_six):
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
        if self.protocol == "tcp" and choose.random() < 0.1:
            self.port = NOBODY_THERE
        self.family = family
        self.source = None
        has_hop = self.agent == "vm" and self.is_near and (family == 4 or has_six)
        if has_hop and choose.random() < 0.2:
            self.source = PASSTHROUGH[family]
        self.gid = choose.choice(GROUPS)
        self.mark = choose.choice(MARKS)

    def question(self):
        interface, sources = AGENTS[self.agent]
        where = f"[{self.to}]:{self.port}" if ":" in self.to else f"{self.to}:{self.port}"
        if interface is None:
            source = f"--from {self.source} " if self.source else ""
            return (f"--user {self.uid} --group {self.gid} --mark {self.mark:#x} {source}"
                    f"{self.protocol} {where}")
        return (f"--inbound --interface {interface} --from {sources[self.family]} "
                f"{self.protocol} {where}")

    def landing(self, network):
        ask = getattr(getattr(network, self.agent), self.protocol)
        socket = {"uid": 0}
        if self.agent == "vm":
            socket = {"uid": self.uid, "gid": self.gid, "mark": self.mark}
        answer = ask(to=[self.to, self.port], source=[self.source, 0] if self.source else None,
                     **socket)
        return answer.get("name") or answer["error"]

    def expected(self, explained):
        if explained["verdict"] == "redirected":
            return {15001: "outbound", 15006: "inbound", 15053: "resolver"}[explained["to_port"]]
        assert explained["verdict"] == "straight", explained
        if self.port == NOBODY_THERE:
            return "ECONNREFUSED"
        return "service" if self.is_near else "outside"


def explain(network, questions, *options):
    done = network.vm_namespace.try_run(network.redirect, "explain", "--batch", "--json", *options,
                                        input="".join(f"{each}\n" for each in questions))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_matrix_has_every_golden_configuration():
    golden = {path.stem for path in (n.HERE.parent / "golden").glob("*.nft")}
    assert golden <= MATRIX.keys() | test_vips.MATRIX.keys()


@pytest.fixture
def installed(network, request):
    """(name, the network with that configuration of the matrix, its file)."""
    name = request.param
    with contextlib.ExitStack() as stack:
        nameservers = [n.OUTSIDE, n.FAR6]
        if name in LOCAL_RESOLVERS:
            stack.enter_context(network.serving(uid=LOCAL_RESOLVERS[name], name="local", udp=[53],
                                                address="127.0.0.53"))
            nameservers = ["127.0.0.53"]
        path = network.install(MATRIX[name], nameservers=nameservers,
                               base=BASES.get(name, n.BASE))
        yield name, network, path


@pytest.mark.parametrize("installed", MATRIX, indirect=True)
def test_packets_go_where_explain_says(installed):
    name, network, path = installed
    choose = random.Random(f"{SEED} {name}")
    has_six = "::6/" in network.vm_namespace.run("ip", "-6", "address", "show", "dev", "lo")
    probes = [Probe(choose, has_six) for _ in range(PROBES)]
    questions = [probe.question() for probe in probes]
    planned = explain(network, questions, "--config", path)
    # No rule of iptables, not even a mark, is there when there is nothing to capture.
    is_there = "planned" if name == "nothing" and network.engine else "installed"
    installed = planned if is_there == "planned" else explain(network, questions)
    for probe, one, other in zip(probes, installed, planned):
        hint = f"MESHGATE_SEED={SEED}: {probe.question()}: {one}"
        assert (one["rules"], other["rules"]) == (is_there, "planned")
        assert {**one, "rules": ""} == {**other, "rules": ""}, hint
        assert probe.landing(network) == probe.expected(one), hint


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
    # iptables' own chain is everybody's; what we have in it is not somebody's translation.
    assert seen.pop("nat", None) in (None, ("after", False, False))
    assert seen == {"early": ("before", True, False), "late": ("after", False, True)}
    text = network.run("explain", "--user", "1000", "tcp", f"{n.FAR}:80").stdout
    assert text.startswith(f"tcp to {n.FAR}:80, of user 1000, leaving by up0\n"
                           "  is redirected to port 15001 of this machine\nby the installed rules:\n")
    assert ("not ours, not looked into: ip early to_eight (nat, priority -150), before ours; "
            "its table has rules that translate\n") in text


def test_what_others_have_in_the_same_table_is_pointed_out(network):
    """With nftables' back end of iptables; into legacy tables nothing looks."""
    rule = "OUTPUT -p udp --dport 81 -j REDIRECT --to-ports 82"
    network.vm_namespace.run("iptables-nft", "-t", "nat", "-A", *rule.split())
    network.install()
    answer, = explain(network, [f"--user 1000 tcp {n.FAR}:80"])
    seen = [(each["table"], each["place"], each["nat"]) for each in answer["foreign"]]
    assert ("nat", "after", True) in seen


def test_tables_that_nothing_can_look_into_are_named(network):
    vm = network.vm_namespace
    network.install()
    asked = [f"--user 1000 tcp {n.FAR}:80"]
    vm.run("iptables-legacy", "-t", "nat", "-A", "OUTPUT", "-p", "udp", "-j", "RETURN")
    try:
        answer, = explain(network, asked)
        assert answer["legacy_iptables"] is True
        assert "iptables-legacy has tables here" in network.run("explain", *asked[0].split()).stdout
    finally:
        vm.run("iptables-legacy", "-t", "nat", "-F")


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
    (("--group", "nobody-at-all", "tcp", "1.2.3.4:80"), "--group: group 'nobody-at-all' does not"),
    (("--mark", "0x539/0xfff", "tcp", "1.2.3.4:80"), "is not a mark such as"),
    (("--mark", "-1", "tcp", "1.2.3.4:80"), "is not a mark such as"),
    (("--inbound", "--group", "1", "tcp", "1.2.3.4:80"), "has no socket here"),
    (("--inbound", "--mark", "1", "tcp", "1.2.3.4:80"), "has no socket here"),
    (("--from", "x", "--inbound", "tcp", "1.2.3.4:80"), "--from: 'x' is not an address"),
    (("--from", "::1", "--inbound", "tcp", "1.2.3.4:80"), "not of one family"),
    (("--inbound", "--user", "1", "tcp", "1.2.3.4:80"), "has no user here"),
    (("--batch", "tcp", "1.2.3.4:80"), "--batch reads"),
])
def test_a_question_that_makes_no_sense_is_2(network, words, message):
    done = network.run("explain", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
