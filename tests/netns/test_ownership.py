"""Whose rules are whose: those of other versions of ours, and several of us at once."""

import subprocess

import network as n
import pytest
import test_iptables_engine as engine

ENGINES = n.ENGINES
CONFIGURATION = engine.CONFIGURATION
# As other versions would leave it: other chains, other sets, a mark of another format.
TABLE = """
table inet meshgate {{
  comment "meshgate format={format} version={version} digest=0123456789abcdef{more}"
  set old_ports {{ type inet_service; flags interval; elements = {{ 7000-7010 }}; }}
  chain early {{
    type filter hook output priority raw; policy accept;
    udp dport 53 ct zone set 15053
  }}
  chain old_output {{
    type nat hook output priority -110; policy accept;
    meta skuid 5678 return
    tcp dport @old_ports return
    meta l4proto tcp redirect to :15001 comment "of another time"
  }}
  flowtable later {{ hook ingress priority filter; devices = {{ lo }}; }}
}}
"""
CHAINS = """*nat
:MESHGATE - [0:0]
:MESHGATE_OUTPUT - [0:0]
:MESHGATE_INBOUND - [0:0]
-A MESHGATE -m comment --comment "meshgate format={format} version={version} digest=0123{more}" -j RETURN
-A OUTPUT -p tcp -j MESHGATE_OUTPUT
-A PREROUTING -p tcp -m mark ! --mark 0x7 -j MESHGATE_INBOUND
-A MESHGATE_OUTPUT -m owner --uid-owner 5678 -j RETURN
-A MESHGATE_OUTPUT -p tcp -m mark ! --mark 0x7 -j REDIRECT --to-ports 15001
COMMIT
"""
VERSIONS = pytest.mark.parametrize("version", [
    {"format": 1, "version": "0.0.9", "more": ""},
    {"format": 3, "version": "9.9.9", "more": " owner=somebody"}], ids=["older", "newer"])


def load_old(network, version):
    vm = network.vm_namespace
    if not network.engine:
        table = TABLE.format(**version)
        done = vm.try_run("nft", "-f", "-", input=table)
        if done.returncode != 0:  # a kernel without flowtables
            vm.run("nft", "-f", "-", input=table[:table.index("  flowtable")] + "}\n")
        return
    for program in engine.programs(network):
        vm.run(f"{program}-restore", "--noflush", input=CHAINS.format(**version))


@VERSIONS
def test_rules_of_another_version_are_replaced(network, version):
    load_old(network, version)
    path = network.config(CONFIGURATION)
    status = network.run("status", config=path)
    assert status.returncode == 2 and version["version"] in status.stdout
    assert network.run("diff", config=path).returncode == 2
    done = network.run("install", config=path)
    assert done.returncode == 0, done.stderr
    assert network.run("status", config=path).returncode == 0
    assert engine.landings(network) == engine.CAPTURED
    assert not [word for word in ("of another time", "old_ports", "0x7") if word in network.rules()]


@VERSIONS
def test_rules_of_another_version_are_taken_away(network, version):
    load_old(network, version)
    assert network.run("uninstall").returncode == 0
    engine.nothing_left(network)


def test_several_installers_take_turns(network):
    """What is in force in the end is what one of them wanted, the whole of it."""
    paths = [network.config(n.DNS_ALL + f"[redirect.inbound]\nexclude_ports = [22, {port}]\n")
             for port in (2222, 2223, 2224)]
    loop = "for i in 1 2 3 4 5 6 7 8; do \"$0\" install --config \"$1\" || exit 1; done"
    running = [subprocess.Popen(network.vm_namespace.inside(["sh", "-c", loop, network.redirect, path]),
                                stderr=subprocess.PIPE, text=True) for path in paths]
    for process in running:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
    statuses = [network.run("status", config=path).returncode for path in paths]
    assert sorted(statuses) == [0, 2, 2]
    assert engine.landings(network) == engine.CAPTURED
    assert network.run("uninstall").returncode == 0
    engine.nothing_left(network)


@pytest.mark.nftables_only
def test_who_holds_the_lock_cannot_keep_rules_from_being_installed(network):
    """Anybody may: /proc/self/ns/net can be opened by all."""
    holder = network.vm_namespace.start(
        "/usr/bin/python3", "-c", "import fcntl, sys\n"
        "lock = open('/proc/self/ns/net')\nfcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\nsys.stdin.read()", stdin=subprocess.PIPE)
    try:
        holder.wait_ready(lambda: "held" in holder.output(), "the lock")
        done = network.run("install", config=network.config(CONFIGURATION))
        assert done.returncode == 0 and "not waited for any longer" in done.stderr
    finally:
        holder.popen.stdin.close()
        holder.wait()
