"""What is left alone: users, protocols, ports, sources and destinations, mixed, and many of them."""

import network as n
import pytest

ENGINES = n.ENGINES

BOTH_FAMILIES = pytest.mark.parametrize("far, outside, vm", [
    pytest.param(n.FAR, n.OUTSIDE, n.VM, id="ipv4"),
    pytest.param(n.FAR6, n.OUTSIDE6, n.VM6, id="ipv6")])
OPENSHIFT, LAST = 1000650000, 4294967294  # uids that kumactl refuses

ENTRIES = n.DNS_ALL + f"""
[redirect.outbound]
exclude = [
  {{ users = "2000-2010", protocols = "udp", ports = 53 }},
  {{ users = [2100, {OPENSHIFT}], protocols = "tcp", ports = ["80", "3000-3306"] }},
  {{ users = "{LAST - 5}-{LAST}" }},
  {{ users = 2200, ports = 53 }},
  {{ users = 2300, protocols = ["tcp", "udp"] }},
]
"""
#        user       UDP 53      TCP 53      TCP 80      TCP 3306    TCP 443
TABLE = [
    (2000, "outside", "resolver", "outbound", "outbound", "outbound"),
    (2010, "outside", "resolver", "outbound", "outbound", "outbound"),
    (2011, "resolver", "resolver", "outbound", "outbound", "outbound"),
    (2100, "resolver", "resolver", "outside", "outside", "outbound"),
    (OPENSHIFT, "resolver", "resolver", "outside", "outside", "outbound"),
    (OPENSHIFT + 1, "resolver", "resolver", "outbound", "outbound", "outbound"),
    (LAST, "outside", "outside", "outside", "outside", "outside"),
    (LAST - 5, "outside", "outside", "outside", "outside", "outside"),
    (LAST - 6, "resolver", "resolver", "outbound", "outbound", "outbound"),
    (2200, "outside", "outside", "outbound", "outbound", "outbound"),
    (2300, "outside", "outside", "outside", "outside", "outside"),
]


def who(answer):
    return answer.get("name") or answer["error"]


@BOTH_FAMILIES
def test_entries_of_users_protocols_and_ports(network, far, outside, vm):
    network.install(ENTRIES)
    found = [(uid, who(network.vm.udp(uid=uid, to=[far, 53])),
              *(who(network.vm.tcp(uid=uid, to=[far, port])) for port in (53, 80, 3306, 443)))
             for uid, *_ in TABLE]
    assert found == TABLE
    # An excluded question is in no zone either: its port is that of a captured one a moment later.
    turns = network.vm.udp_turns(app=2011, proxy=2000, to=[far, 53], port=40057, turns=20)
    assert turns == {"app": {"resolver": 20}, "proxy": {"outside": 20}}


@BOTH_FAMILIES
def test_a_hundred_entries(network, far, outside, vm):
    entries = ",".join(f'{{ users = {3000 + 2 * i}, protocols = "tcp", ports = [80, {4000 + i}] }}'
                       for i in range(100))
    path = network.install(f"[redirect.outbound]\nexclude = [{entries}]\n")
    for uid, name in ((3000, "outside"), (3100, "outside"), (3198, "outside"), (3001, "outbound"),
                      (3200, "outbound")):
        assert who(network.vm.tcp(uid=uid, to=[far, 80])) == name, uid
    assert network.run("status", config=path).returncode == 0


@BOTH_FAMILIES
def test_long_lists(network, far, outside, vm):
    """A thousand networks, five hundred users, two hundred ports: what is in them and what is not."""
    more = "198.51.100.8/31" if "." in far else "fd66:9::8/125"
    networks = [f"10.{i // 128}.{2 * (i % 128)}.0/24" for i in range(500)]
    networks += [f"2001:db8:{i:x}::/48" for i in range(0, 1000, 2)]
    ports = [2000 + 2 * i for i in range(199)] + [443]
    users = [100000 + 2 * i for i in range(500)]
    lists = f"""
[redirect.inbound]
exclude_ports = {[port + (1 if port != 443 else -421) for port in ports]}
exclude_sources = {networks + [more]}
[redirect.outbound]
exclude_ports = {ports}
exclude_destinations = {networks + [more]}
"""
    path = network.install(lists, base=n.BASE + f"exempt_users = {users}\n")
    for uid, to, port, name in ((n.APP, far, 80, "outside"), (n.APP, outside, 80, "outbound"),
                                (n.APP, outside, 443, "outside"), (100998, outside, 80, "outside"),
                                (100999, outside, 80, "outbound"), (99999, outside, 80, "outbound")):
        assert who(network.vm.tcp(uid=uid, to=[to, port])) == name, (uid, to, port)
    assert who(network.outside.tcp(uid=0, to=[vm, 22])) == "service"
    assert who(network.outside.tcp(uid=0, to=[vm, 8080])) == "inbound"
    assert who(network.outside.tcp(uid=0, to=[vm, 8080], source=[far, 0])) == "service"
    assert network.run("status", config=path).returncode == 0
    assert network.run("diff", config=path).stdout == ""


@BOTH_FAMILIES
def test_sources_are_of_inbound_and_destinations_of_outbound(network, far, outside, vm):
    """kumactl names both by 'ips': --exclude-inbound-ips is about who sends."""
    network.install(n.DNS_ALL + f"""
[redirect.inbound]
exclude_sources = ["{far}", "192.0.2.0/24", "2001:db8::/32"]
[redirect.outbound]
exclude_destinations = ["{far}", "192.0.2.0/24", "2001:db8::/32"]
""")
    assert who(network.outside.tcp(uid=0, to=[vm, 8080], source=[far, 0])) == "service"
    assert who(network.outside.tcp(uid=0, to=[vm, 8080])) == "inbound"
    for ask, port, otherwise in ((network.vm.tcp, 80, "outbound"), (network.vm.tcp, 53, "resolver"),
                                 (network.vm.udp, 53, "resolver")):
        assert who(ask(uid=n.APP, to=[far, port])) == "outside"
        assert who(ask(uid=n.APP, to=[outside, port])) == otherwise
