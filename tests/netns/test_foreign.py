"""The rules of others, of every kind, are the same after all that we do: text, counters, handles."""

import re

import network as n
import pytest
import test_docker as docker
import test_lifecycle as lifecycle

ENGINES = n.ENGINES

NATIVE = """
table ip filter {
  set blocked { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 203.0.113.7 }; }
  map verdicts { type inet_service : verdict; elements = { 25 : drop, 80 : accept }; }
  chain INPUT {
    type filter hook input priority filter; policy accept;
    ip saddr { 198.18.0.1, 198.18.0.2 } counter drop comment "two of them, not all"
    ip saddr @blocked counter drop
    tcp dport vmap @verdicts
  }
}
table inet others {
  comment "not ours"
  counter hits { packets 7 bytes 70 }
  set users { type uid; flags interval; elements = { 2000-2999 }; }
  chain output {
    type nat hook output priority -105; policy accept;
    meta skuid @users tcp dport 4444 counter redirect to :4445
  }
  chain raw { type filter hook output priority -300; udp dport 9999 notrack; }
}
table ip6 others {
  chain prerouting { type nat hook prerouting priority -80; policy accept; }
}
table arp others {
  chain input { type filter hook input priority 0; arp operation 3 counter; }
}
"""
IPTABLES = """*raw
-A PREROUTING -p udp -m udp --dport 9 -j NOTRACK
COMMIT
*mangle
-A OUTPUT -m owner --uid-owner 1001 -j MARK --set-mark 0x7
COMMIT
*nat
:MESHGATE_LIKE - [3:180]
:KUBE-SERVICES - [0:0]
[5:300] -A OUTPUT -m comment --comment "meshgate is not ours" -j KUBE-SERVICES
-A KUBE-SERVICES -p tcp -m tcp --dport 6443 -j REDIRECT --to-ports 6444
COMMIT
*filter
-A INPUT -p tcp -m multiport --dports 25,110 -m conntrack --ctstate NEW -j REJECT
COMMIT
"""


def load(network):
    vm = network.vm_namespace
    vm.run("nft", "-f", "-", input=NATIVE)
    for six in ("", "6"):
        text = IPTABLES if not six else IPTABLES.replace("MARK --set-mark 0x7", "ACCEPT")
        vm.run(f"ip{six}tables-legacy-restore", "--noflush", "--counters", input=text)
        # iptables-nft refuses to touch a table that it did not make: `ip filter` is the native one.
        text = text[:text.index("*filter")] if not six else text
        vm.run(f"ip{six}tables-nft-restore", "--noflush", "--counters", input=text)
    docker.docker_starts(network, "nft", docker.HOST_V6)
    docker.docker_starts(network, "nft", docker.HOST_V4[:docker.HOST_V4.index("*filter")])
    docker.docker_starts(network, "legacy", docker.HOST_V4, docker.HOST_V6)


def state(network):
    """All rules but ours, with their counters: meanwhile nothing passes but neighbours' packets,
    which are in those of built-in chains alone."""
    vm = network.vm_namespace
    ruleset = vm.run("nft", "-a", "list", "ruleset")
    tables = [table for table in re.split(r"^(?=table )", ruleset, flags=re.M)
              if table and not table.startswith("table inet meshgate ")]
    legacy = [re.sub(r"^#.*\n|^(:[A-Z]+ ACCEPT) .*", r"\1",
                     vm.run(f"ip{six}tables-legacy-save", "-c"), flags=re.M) for six in ("", "6")]
    assert len(tables) >= 8 and all("DOCKER" in text for text in legacy)
    if network.engine:
        return without_ours(tables), without_ours(legacy)
    return tables, legacy


no_legacy_rules_left = docker.no_legacy_rules_left


def without_ours(texts):
    """iptables makes the tables that it has rules for, and leaves them there empty."""
    ours = re.compile(r"\tchain MESHGATE(?!_LIKE).*?\n\t}\n", re.S)
    lines = [line for text in texts for line in ours.sub("", text).splitlines() if "MESHGATE" not in line or "MESHGATE_LIKE" in line]
    empty = re.compile(r"table ip6? (raw|mangle|nat) |\tchain (PREROUTING|INPUT|FORWARD|OUTPUT|"
                       r"POSTROUTING) |\t\ttype (filter|nat|route) hook |\*|:|COMMIT|\t?}|$|# ")
    return [line for line in lines if not empty.match(line)]


def test_rules_of_all_kinds_are_left_as_they_are(network):
    load(network)
    before = state(network)
    other = lifecycle.EVERYTHING.replace("exclude_ports = [22]",
                                         "exclude_ports = [22, 2222]\ninsert = true")
    paths = [network.install(lifecycle.EVERYTHING)]
    paths.append(network.config(other))
    assert state(network) == before
    for number in range(20):
        done = network.run("install", config=paths[(number + 1) % 2])
        assert done.returncode == 0, done.stderr
        assert state(network) == before, number
    for verb in ("status", "diff", "install", "check"):
        assert network.run(verb, config=paths[0]).returncode == 0
    assert network.run("uninstall").returncode == 0
    assert state(network) == before


@pytest.mark.nftables_only
def test_a_refused_install_leaves_them_too(network):
    load(network)
    network.vm_namespace.run("nft", "add", "table", "inet", "meshgate")
    before = state(network)
    assert network.run("install", config=network.config(lifecycle.EVERYTHING)).returncode == 1
    assert state(network) == before
