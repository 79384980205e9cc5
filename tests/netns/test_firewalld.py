"""A real firewalld beside ours: it reloads, restarts and forwards ports; nothing of either is lost."""

import pathlib
import tempfile

import firewalld as f
import network as n
import pytest

pytestmark = pytest.mark.skipif(bool(f.missing()), reason=f"missing: {', '.join(f.missing())}")

FORWARD = "port=8443:proto=tcp:toport=8080"
FORWARD_FAR = "port=8444:proto=tcp:toport=80:toaddr=" + n.CLIENT
CHANGES = {"reload": lambda firewalld: firewalld.cmd("--reload"),
           "complete reload": lambda firewalld: firewalld.cmd("--complete-reload"),
           "restart": lambda firewalld: firewalld.restart()}


@pytest.fixture
def firewalld(network, request):
    with tempfile.TemporaryDirectory() as folder:
        rfc3964 = getattr(request, "param", "no")
        with f.Firewalld(network.vm_namespace, pathlib.Path(folder), rfc3964) as running:
            for port in (80, 8080):
                running.cmd("--permanent", f"--add-port={port}/tcp")
            running.cmd("--permanent", f"--add-forward-port={FORWARD}")
            running.cmd("--permanent", f"--add-forward-port={FORWARD_FAR}")
            running.cmd("--reload")
            yield running


def table(network):
    """Our table with the handles of its objects: the same only if nobody touched it."""
    text = network.vm_namespace.run("nft", "-a", "-s", "list", "table", "inet", "meshgate")
    assert "redirect to" in text
    return text


def landings(network):
    """Where the connections and queries go that matter."""
    def tcp(agent, uid, address, port):
        answer = agent.tcp(uid=uid, to=[address, port])
        return answer.get("name") or answer["error"]

    return {"outbound": tcp(network.vm, n.APP, n.FAR, 80),
            "outbound, IPv6": tcp(network.vm, n.APP, n.FAR6, 80),
            "the proxy's own": tcp(network.vm, n.PROXY, n.FAR, 80),
            "inbound": tcp(network.outside, 0, n.VM, 8080),
            "inbound, IPv6": tcp(network.outside, 0, n.VM6, 8080),
            "a forwarded port": tcp(network.outside, 0, n.VM, 8443),
            "DNS": network.vm.udp(uid=n.APP, to=[n.FAR, 53]).get("name")}


EXPECTED = {"outbound": "outbound", "outbound, IPv6": "outbound", "the proxy's own": "outside",
            "inbound": "inbound", "inbound, IPv6": "inbound", "a forwarded port": "service",
            "DNS": "resolver"}


@pytest.mark.parametrize("change", CHANGES)
def test_our_table_survives(network, firewalld, change):
    path = network.install(n.DNS_ALL)
    before = table(network)
    assert landings(network) == EXPECTED
    CHANGES[change](firewalld)
    assert table(network) == before
    assert landings(network) == EXPECTED
    assert network.run("status", config=path).returncode == 0


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_leaks_while_firewalld_changes(network, firewalld, change):
    network.install(n.DNS_ALL)
    network.vm.begin("load", uid=n.APP, tcp_to=[n.FAR, 80], udp_to=[n.FAR, 53], seconds=120)
    CHANGES[change](firewalld)
    network.vm.begin("nothing")
    counts = network.vm.end()
    network.vm.end()
    assert counts["tcp"]["outbound"] > 0
    assert "outside" not in {*counts["tcp"], *counts["udp"]}, counts
    assert not [line for line in network.seen_outside() if "tcp" in line]


def test_firewalld_keeps_its_rules_when_ours_come_and_go(network, firewalld):
    def theirs():
        return network.vm_namespace.run("nft", "-a", "-s", "list", "table", "inet", "firewalld")

    before = theirs()
    for _ in range(3):
        path = network.install(n.DNS_ALL)
        assert network.run("install", config=path).returncode == 0
        assert network.run("uninstall").returncode == 0
    assert theirs() == before


def test_a_host_starts(network, firewalld):
    """The units' commands in their order: nftables.service, firewalld.service, then ours; and what
    `systemctl reload nftables` does later, with the install that the unit propagates."""
    flush = network.write("#!/usr/sbin/nft -f\nflush ruleset\n", "nftables.conf")
    firewalld.daemon.stop()
    network.vm_namespace.run("nft", "-f", flush)
    firewalld.start()
    path = network.install(n.DNS_ALL)
    assert landings(network) == EXPECTED
    network.vm_namespace.run("nft", "-f", flush)
    assert network.run("status", config=path).returncode == 3
    firewalld.restart()
    assert network.run("install", config=path).returncode == 0
    assert landings(network) == EXPECTED


@pytest.mark.parametrize("firewalld", ["yes"], indirect=True)
def test_what_firewalld_rejects_is_said(network, firewalld):
    """By default it rejects what goes to ::/96, where ::1 is: nothing of ours can change that."""
    done = network.run("install", config=network.config())
    assert done.returncode == 0
    assert "Set RFC3964_IPv4=no in /etc/firewalld/firewalld.conf" in done.stderr
    assert network.vm.tcp(uid=n.APP, to=[n.FAR6, 80]) == {"error": "EHOSTUNREACH"}
    network.run("uninstall")
    quiet = network.run("install", config=network.config('[redirect]\nip_family = "ipv4"\n'))
    assert "RFC3964" not in quiet.stderr
    assert network.seen_outside() == []


def test_nothing_is_said_when_firewalld_lets_it_pass(network, firewalld):
    assert "RFC3964" not in network.run("install", config=network.config()).stderr
