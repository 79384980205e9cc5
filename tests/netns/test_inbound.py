"""What arrives at the machine: to the proxy's 15006, except what is to go straight."""

import network as n
import pytest

ENGINES = n.ENGINES

BOTH_FAMILIES = pytest.mark.parametrize("vm, lan, outside, far", [
    pytest.param(n.VM, n.LAN, n.OUTSIDE, n.FAR, id="ipv4"),
    pytest.param(n.VM6, n.LAN6, n.OUTSIDE6, n.FAR6, id="ipv6")])


def reached(agent, address, port, **more):
    answer = agent.tcp(uid=0, to=[address, port], **more)
    return answer.get("name") or answer["error"]


@BOTH_FAMILIES
def test_a_request_from_outside_reaches_the_proxy_which_learns_the_port(network, vm, lan, outside, far):
    network.install()
    answer = network.outside.tcp(uid=0, to=[vm, 8080])
    assert (answer["name"], answer["port"], answer["original"]) == ("inbound", 15006, [vm, 8080])
    assert answer["peer"][0] == outside


@BOTH_FAMILIES
def test_every_local_address_is_captured_also_where_nobody_listens(network, vm, lan, outside, far):
    network.install()
    assert reached(network.outside, lan, 9) == "inbound"


@BOTH_FAMILIES
def test_excluded_ports_go_straight(network, vm, lan, outside, far):
    network.install('[redirect.inbound]\nexclude_ports = [22, "3000-4000"]\n')
    assert [reached(network.outside, vm, port) for port in (22, 3306, 80, 8080)] == (
        ["service", "service", "inbound", "inbound"])


@BOTH_FAMILIES
def test_only_included_ports_are_captured(network, vm, lan, outside, far):
    network.install("[redirect.inbound]\ninclude_ports = [80]\n")
    assert [reached(network.outside, vm, port) for port in (80, 8080, 22)] == (
        ["inbound", "service", "service"])


@BOTH_FAMILIES
def test_excluded_sources_go_straight(network, vm, lan, outside, far):
    network.install('[redirect.inbound]\nexclude_sources = ["198.51.100.0/24", "fd66:9::/64"]\n')
    assert reached(network.outside, vm, 8080, source=[far, 0]) == "service"
    assert reached(network.outside, vm, 8080) == "inbound"


@BOTH_FAMILIES
def test_inbound_off(network, vm, lan, outside, far):
    network.install("[redirect.inbound]\nenabled = false\n")
    assert reached(network.outside, vm, 8080) == "service"
    answer = network.vm.tcp(uid=n.APP, to=[far, 80])
    assert answer["name"] == "outbound"


@BOTH_FAMILIES
def test_forwarded_traffic_is_not_inbound(network, vm, lan, outside, far):
    network.install(n.DNS_ALL)
    assert reached(network.client, far, 80) == "outside"
    assert reached(network.client, far, 53) == "outside"
    answer = network.client.udp(uid=0, to=[far, 53])
    assert answer["name"] == "outside"


@pytest.mark.nftables_only
@BOTH_FAMILIES
def test_published_ports_of_containers_are_not_inbound(network, vm, lan, outside, far):
    """What another DNAT sends elsewhere is not addressed to this machine, whoever came first."""
    client = n.CLIENT6 if ":" in vm else n.CLIENT
    family, target = ("ip6", f"[{client}]") if ":" in vm else ("ip", client)
    log = str(network.folder / "client.log")
    server = network.client.serve(uid=n.SERVICE, name="container", log=log, tcp=[80])
    publish = (f"table {family} docker {{ chain prerouting {{\n"
               "type nat hook prerouting priority -100;\n"
               f"{family} daddr {vm} tcp dport 8081 dnat to {target}:80\n}}\n}}\n")
    try:
        for first in ("docker", "meshgate"):
            network.clean()
            if first == "docker":
                network.vm_namespace.run("nft", "-f", "-", input=publish)
            network.install()
            if first == "meshgate":
                network.vm_namespace.run("nft", "-f", "-", input=publish)
            assert reached(network.outside, vm, 8081) == "container"
            assert reached(network.outside, vm, 8080) == "inbound"
    finally:
        network.client.stop(pid=server["pid"])


@BOTH_FAMILIES
def test_insert_takes_published_ports_too(network, backend, vm, lan, outside, far):
    """redirect.inbound.insert: before Docker's DNAT, whoever came first."""
    family = "6" if ":" in vm else ""
    target = f"[{n.CLIENT6}]:80" if family else f"{n.CLIENT}:80"

    def publish():
        network.vm_namespace.run(f"ip{family}tables-{backend}", "-t", "nat", "-A", "PREROUTING", "-m",
                                 "addrtype", "--dst-type", "LOCAL", "-p", "tcp", "--dport", "8081",
                                 "-j", "DNAT", "--to-destination", target)

    log = str(network.folder / "client.log")
    server = network.client.serve(uid=n.SERVICE, name="container", log=log, tcp=[80])
    try:
        for first in ("docker", "meshgate"):
            network.clean()
            network.vm_namespace.run(f"ip{family}tables-legacy", "-t", "nat", "-F")
            if first == "docker":
                publish()
            network.install()
            if first == "meshgate":
                publish()
                network.install()  # the order of iptables is that of coming
            assert reached(network.outside, vm, 8081) == "container"
            network.install("[redirect.inbound]\ninsert = true\n")
            answer = network.outside.tcp(uid=0, to=[vm, 8081])
            assert (answer["name"], answer["original"]) == ("inbound", [vm, 8081])
    finally:
        network.vm_namespace.run(f"ip{family}tables-legacy", "-t", "nat", "-F")
        network.client.stop(pid=server["pid"])


SYN_RST, SYN_ACK, ACK = 0x06, 0x12, 0x10


def test_invalid_packets_are_answered_unless_they_are_dropped(network):
    """The kernel answers a SYN-ACK out of nowhere by RST; conntrack calls it invalid."""
    probe = {"source": [n.OUTSIDE, 40001], "to": [n.VM, 9999], "flags": SYN_ACK,
             "then_to": [n.VM, 80]}
    network.install()
    assert network.outside.raw_tcp(**probe)["flags"] != []
    network.clean()
    network.install("[redirect]\ndrop_invalid = true\n")
    assert network.outside.raw_tcp(**probe)["flags"] == []
    assert reached(network.outside, n.VM, 8080) == "inbound"
    assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80], count=20)["name"] == "outbound"
