"""Probes from behind the interfaces of [[redirect.network]]: packets that arrive there as a client's
would, though no client sends them and none sees anything of them."""

import json
import os

import lab
import network as n
import pytest
import test_doctor
import test_probe

BEHIND = """
[[redirect.network]]
interface = "lan0"
cidr = "10.66.2.0/24"
[[redirect.network]]
interface = "lan+"
cidr = "fd66:2::/64"
"""
# Addresses of each family, from which they come: the last of the network.
OF_CLIENTS = ("to 192.0.2.2:7080", "to 192.0.2.2:3306", "to 10.66.2.1:7080",
              "to [2001:db8:6d67::2]:7080", "to [fd66:2::1]:7080", "to 192.0.2.2:53",
              "to [2001:db8:6d67::2]:53")
# A foreign table for each way in which a client's packet can go wrong, and who finds it.
DAMAGE = {
    "outbound": ("chain c { type nat hook prerouting priority -150\n iifname lan0 tcp dport 7080 "
                 "redirect to :9 \n}", "TCP from a client behind lan0 to 192.0.2.2:7080"),
    "dns": ("chain c { type nat hook prerouting priority -150\n iifname lan0 meta nfproto ipv6 udp "
            "dport 53 redirect to :9 \n}",
            "DNS over UDP from a client behind lan0 to [2001:db8:6d67::2]:53"),
    "input": ("chain c { type filter hook input priority 0\n iifname lan0 tcp dport 16001 drop \n}",
              "TCP from a client behind lan0 to 192.0.2.2:7080"),
}


def of_clients(probes):
    return [one for one in probes if "from a client behind lan0" in one["probe"]]


@pytest.mark.parametrize("capture", ["all", "resolv-conf"])
@pytest.mark.parametrize("engine", ["nftables", "iptables-nft", "iptables-legacy"], indirect=True)
def test_the_paths_of_clients_are_probed_and_no_client_sees_it(network, capture):
    path = network.install(test_probe.DOWN.format(capture=capture) + BEHIND,
                           nameservers=(n.FAR, n.FAR6))
    before = test_probe.surroundings(network)
    with network.client_namespace.capture("vm0", "tcp or udp or icmp or arp") as at_clients:
        with network.vm_namespace.capture(n.UPLINK, "tcp or udp or icmp or arp") as outside:
            probes, wrong, done = test_probe.probe(network, path)
    assert wrong == [], done.stdout
    assert at_clients.packets == outside.packets == []
    assert "ARP" not in at_clients.process.output() + outside.process.output()
    assert test_probe.surroundings(network) == before
    lines = [one["probe"] for one in of_clients(probes)]
    assert len(lines) >= 14 and {one["verdict"] for one in of_clients(probes)} == {"right"}
    for part in OF_CLIENTS + ("for backend.mesh",):
        assert any(part in line for line in lines), (part, lines)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_clients_packet_that_goes_another_way_is_found(network, damage):
    rules, line = DAMAGE[damage]
    path = network.install(test_probe.DOWN.format(capture="all") + BEHIND)
    network.vm_namespace.run("nft", "-f", "-", input=f"table inet foreign {{ {rules}\n }}")
    _, wrong, done = test_probe.probe(network, path)
    network.vm_namespace.run("nft", "delete", "table", "inet", "foreign")
    assert any(one["probe"] == line for one in wrong), done.stdout
    assert all("a client" in one["probe"] for one in wrong), done.stdout


def not_probed(network, config, preload=None):
    words = [network.redirect, "doctor", "--probe", "--json", "--config", config]
    if preload:
        words = ["env", f"LD_PRELOAD={preload}", *words]
    report = json.loads(network.vm_namespace.try_run(*words).stdout)
    assert of_clients(report["probes"]) == []
    return report["not_probed"]


def test_a_bridge_without_ports_as_docker_has_one(network):
    vm = network.vm_namespace
    vm.run("ip", "link", "add", "br-9", "type", "bridge")
    vm.run("ip", "link", "set", "br-9", "up")
    vm.run("ip", "address", "add", "10.68.0.1/16", "dev", "br-9")
    try:
        path = network.install(test_probe.DOWN.format(capture="all") +
                               '[[redirect.network]]\ninterface = "br-*"\ncidr = "10.68.0.0/16"\n')
        probes, wrong, done = test_probe.probe(network, path)
        assert wrong == [], done.stdout
        lines = [one for one in probes if "from a client behind br-9" in one["probe"]]
        assert len(lines) == 7 and {one["verdict"] for one in lines} == {"right"}
    finally:
        vm.run("ip", "link", "del", "br-9")


def test_what_cannot_be_probed_is_said(network):
    vm = network.vm_namespace
    gone = '[[redirect.network]]\ninterface = "lan9"\ncidr = "10.9.0.0/16"\n'
    path = network.install(test_probe.DOWN.format(capture="all") + gone)
    assert not_probed(network, path) == [
        "clients behind lan9: there is no such interface with an address"]
    path = network.install(test_probe.DOWN.format(capture="all") + BEHIND.split("[[")[0] + "[[" +
                           BEHIND.split("[[")[1])
    with test_doctor.setting(network, net__ipv4__conf__lan0__rp_filter=1):
        assert "rp_filter is strict there (net.ipv4.conf.lan0.rp_filter is 1)" in (
            not_probed(network, path)[0])
    said = not_probed(network, path, test_doctor.library(network, "no_mirred"))
    assert said == ["clients behind lan0: this kernel does not hand packets over to another "
                    "interface (sch_ingress, cls_u32, act_mirred): No such file or directory"]


def test_a_firewall_between_is_not_ours_to_judge(network):
    path = network.install(test_probe.DOWN.format(capture="all") + BEHIND)
    network.vm_namespace.run("nft", "-f", "-", input="table inet foreign { chain f { type filter "
                             "hook forward priority 0\n drop \n}\n }")
    probes, wrong, _ = test_probe.probe(network, path)
    assert wrong == []
    unknown = [one["probe"] for one in of_clients(probes) if one["verdict"] == "unknown"]
    assert "UDP from a client behind lan0 to 192.0.2.2:7080" in unknown


def test_probes_of_clients_that_are_killed_leave_nothing(network):
    path = network.install(test_probe.DOWN.format(capture="all") + BEHIND)
    before = test_probe.surroundings(network)
    strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=poll", "-e",
              "inject=poll:signal=KILL:when=1"]
    done = network.vm_namespace.try_run(*strace, network.redirect, "doctor", "--probe", "--config",
                                        path)
    assert done.returncode != 0 and "probe" not in done.stdout
    lab.wait_until(lambda: test_probe.surroundings(network) == before,
                   "the interfaces and the rules to go")


def test_probes_one_run_after_the_other_are_right_each_time(network):
    """A pair of interfaces drops what is sent before the kernel has seen its cable; and what
    conntrack remembers of one run is not taken for the next."""
    path = network.install(test_probe.DOWN.format(capture="all") + BEHIND)
    for _ in range(60 if os.environ.get("MESHGATE_FULL") else 12):
        _, wrong, done = test_probe.probe(network, path)
        assert wrong == [], done.stdout
        listing = "".join(network.vm_namespace.run("conntrack", "-L", "-f", family)
                          for family in ("ipv4", "ipv6"))
        assert "192.0.2.2" not in listing and "2001:db8:6d67::2" not in listing
