"""Clients behind an interface, and virtual addresses that no route leads to."""

import network as n
import pytest

BEHIND = """
[[redirect.network]]
interface = "lan0"
cidr = "10.66.2.0/24"
[[redirect.network]]
interface = "lan+"
cidr = "fd66:2::/64"
"""
BOTH_FAMILIES = pytest.mark.parametrize("far, vm, lan", [
    pytest.param(n.FAR, n.VM, n.LAN, id="ipv4"), pytest.param(n.FAR6, n.VM6, n.LAN6, id="ipv6")])


def who(answer):
    return answer.get("name") or answer["error"]


@BOTH_FAMILIES
def test_clients_behind_an_interface_are_captured(network, far, vm, lan):
    network.install(n.DNS_ALL + BEHIND)
    answer = network.client.tcp(uid=0, to=[far, 80])
    assert (answer["name"], answer["original"]) == ("outbound", [far, 80])
    assert who(network.client.udp(uid=0, to=[far, 53])) == "resolver"
    assert who(network.client.tcp(uid=0, to=[far, 53])) == "resolver"
    assert who(network.client.udp(uid=0, to=[far, 5353])) == "outside"


@BOTH_FAMILIES
def test_what_comes_from_elsewhere_is_not(network, far, vm, lan):
    network.install(n.DNS_ALL + '[[redirect.network]]\ninterface = "up0"\ncidr = "192.0.2.0/24"\n')
    assert who(network.client.tcp(uid=0, to=[far, 80])) == "outside"
    assert who(network.client.udp(uid=0, to=[far, 53])) == "outside"


@pytest.mark.parametrize("vip", ["240.0.0.7", "fd00:fd00::7"])
def test_virtual_addresses_without_a_default_route(network, vip):
    network.install()
    with network.without_default_routes():
        network.clean()
        network.install('[vip]\nipv6 = "fd00:fd00::/64"\n')
        answer = network.vm.tcp(uid=n.APP, to=[vip, 80])
        assert (who(answer), answer.get("original")) == ("outbound", [vip, 80])
        routes = network.vm_namespace.run("ip", "-4", "route") + network.vm_namespace.run("ip", "-6", "route")
        assert "240.0.0.0/4 dev lo" in routes and "fd00:fd00::/64 dev lo" in routes
        network.run("uninstall")
        routes = network.vm_namespace.run("ip", "-4", "route") + network.vm_namespace.run("ip", "-6", "route")
        assert "dev lo" not in routes


def test_a_default_route_needs_no_other(network):
    network.install()
    assert "dev lo" not in network.vm_namespace.run("ip", "-4", "route")
    assert network.vm.tcp(uid=n.APP, to=["240.0.0.7", 80])["original"] == ["240.0.0.7", 80]
