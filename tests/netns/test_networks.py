"""Clients behind an interface, and virtual addresses that no route leads to."""

import network as n
import pytest

ENGINES = n.ENGINES

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


@BOTH_FAMILIES
def test_several_networks_of_an_interface(network, far, vm, lan):
    """Its clients are whoever has an address of one of them; and between them nothing changes."""
    client, first = network.client_namespace, n.CLIENT if "." in far else n.CLIENT6
    second = "10.67.0.2" if "." in far else "fd67::2"
    network.vm_namespace.run("ip", "route", "add", second, "via", first)
    client.run("ip", "address", "add", second, "dev", "lo")
    try:
        network.install(n.DNS_ALL + '[[redirect.network]]\ninterface = "lan0"\n'
                        'cidr = ["10.66.2.0/24", "10.67.0.0/16", "fd66:2::/64", "fd67::/32"]\n')
        for source in (second, first):
            answer = network.client.tcp(uid=0, to=[far, 80], source=[source, 0])
            assert (who(answer), answer.get("original")) == ("outbound", [far, 80])
            assert who(network.client.udp(uid=0, to=[far, 53], source=[source, 0])) == "resolver"
            assert who(network.client.tcp(uid=0, to=[lan, 8080], source=[source, 0])) == "inbound"
    finally:
        client.run("ip", "address", "del", second, "dev", "lo")
        network.vm_namespace.run("ip", "route", "del", second)


@BOTH_FAMILIES
@pytest.mark.parametrize("insert", ["false", "true"])
def test_clients_are_outbound_first_whatever_is_inserted(network, far, vm, lan, insert):
    """To another address of this machine: what leaves their network. Within it: inbound."""
    network.install(n.DNS_ALL + f"[redirect.inbound]\ninsert = {insert}\n" + BEHIND)
    assert who(network.client.tcp(uid=0, to=[vm, 8080])) == "outbound"
    assert who(network.client.tcp(uid=0, to=[lan, 8080])) == "inbound"


@BOTH_FAMILIES
def test_the_server_asked_answers_whatever_port_it_is_asked_from(network, far, vm, lan):
    """kumactl's --vnet has its zone in output only: the answer left from 15053."""
    network.install(n.DNS_ALL + BEHIND)
    source = ["::" if ":" in far else "0.0.0.0", 40055]
    names = network.client.udp_many(uid=0, to=[far, 53], count=200, source=source)
    assert names == {"resolver": 200}


WARNED = {"udp": "nobody listens on UDP port 15055 of lan0", "tcp": "nobody listens on TCP port 15007 of lan0"}
ELSEWHERE = """
[redirect.outbound]
port = 15007
[redirect.dns]
enabled = true
port = 15055
"""


@BOTH_FAMILIES
def test_listeners_on_loopback_only_are_pointed_out_and_not_reached(network, far, vm, lan):
    loopback = "::1" if ":" in far else "127.0.0.1"
    clients = "fd66:2::/64" if ":" in far else "10.66.2.0/24"
    behind = f'[[redirect.network]]\ninterface = "lan0"\ncidr = "{clients}"\n'
    for where, name in ((loopback, None), (lan, "there")):
        network.clean()
        with network.serving(uid=n.PROXY, name="there", tcp=[15007], udp=[15055], address=where):
            done = network.run("install", config=network.config(ELSEWHERE + behind))
            assert done.returncode == 0
            for warned in WARNED.values():
                assert (f"{warned} ({lan})" in done.stderr) == (name is None), done.stderr
            if name:
                assert who(network.client.udp(uid=0, to=[far, 53])) == name
                assert who(network.client.tcp(uid=0, to=[far, 80])) == name
            else:
                assert who(network.client.tcp(uid=0, to=[far, 80])) == "ECONNREFUSED"


def test_check_says_where_the_resolver_has_to_listen(network):
    path = network.config(n.DNS_ALL + BEHIND)
    done = network.run("check", config=path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("'dns.listen' needs") == 2
    path.write_text(path.read_text() + '[dns]\nlisten = ["lan0:15053"]\n')
    done = network.run("check", config=path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_interface_that_is_not_there_yet(network):
    path = network.config(n.DNS_ALL + '[[redirect.network]]\ninterface = "later0"\n'
                          'cidr = "10.68.0.0/24"\n')
    done = network.run("install", config=path)
    assert done.returncode == 0 and "there is no interface later0" in done.stderr


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
