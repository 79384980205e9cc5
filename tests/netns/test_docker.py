"""Docker's own rules, as Docker Engine writes them with iptables, before or after ours: its embedded
DNS within a container's namespace, and published ports on the host."""

import contextlib

import network as n
import pytest

ENGINES = n.ENGINES

EMBEDDED = "127.0.0.11"
# libnetwork/resolver_unix.go: in a container's namespace, the ports are whatever was free.
DNS_RULES = """*nat
:DOCKER_OUTPUT - [0:0]
:DOCKER_POSTROUTING - [0:0]
-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
-A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING
-A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11:33445
-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:41234
-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p tcp -m tcp --sport 33445 -j SNAT --to-source :53
-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p udp -m udp --sport 41234 -j SNAT --to-source :53
COMMIT
"""
# The host: bridge lan0, a container at .2 with its port 80 published as 8081.
HOST_RULES = """*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d {loopback} -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s {bridge} ! -o lan0 -j MASQUERADE
-A DOCKER -i lan0 -j RETURN
-A DOCKER ! -i lan0 -p tcp -m tcp --dport 8081 -j DNAT --to-destination {container}:80
COMMIT
*filter
:DOCKER - [0:0]
-A FORWARD -o lan0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o lan0 -j DOCKER
-A FORWARD -i lan0 ! -o lan0 -j ACCEPT
-A DOCKER -d {container_net} ! -i lan0 -o lan0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
"""
HOST_V4 = HOST_RULES.format(loopback="127.0.0.0/8", bridge="10.66.2.0/24", container=n.CLIENT,
                            container_net=f"{n.CLIENT}/32")
HOST_V6 = HOST_RULES.format(loopback="::1/128", bridge="fd66:2::/64", container=f"[{n.CLIENT6}]",
                            container_net=f"{n.CLIENT6}/128")
RESOLV_CONF = '[redirect.dns]\nenabled = true\nprotocols = ["udp", "tcp"]\n'
ALL = RESOLV_CONF + 'capture = "all"\n'
ORDERS = pytest.mark.parametrize("first", ["docker", "meshgate"])


def who(answer):
    return answer.get("name") or answer["error"]


def docker_starts(network, backend, *texts):
    """`--noflush`, as Docker's rules come one by one beside whatever is there."""
    for text in texts:
        six = "6" if "::" in text else ""
        network.vm_namespace.run(f"ip{six}tables-{backend}-restore", "--noflush", input=text)


@pytest.fixture(autouse=True)
def no_legacy_rules_left(network):
    """`nft flush ruleset` does not see them."""
    yield
    for six in ("", "6"):
        for table in ("nat", "filter"):
            for option in ("-F", "-X"):
                network.vm_namespace.run(f"ip{six}tables-legacy", "-t", table, option)


def in_order(network, first, install, start):
    steps = [start, install] if first == "docker" else [install, start]
    for step in steps:
        step()
    if network.engine and first == "meshgate":
        # iptables has no priorities: what is appended later comes later, until we are again.
        done = network.run("status", config=network.latest)
        assert done.returncode == 0 or "comes before rules of others" in done.stdout, done.stdout
        install()


@contextlib.contextmanager
def embedded_dns(network, upstream=None):
    """dockerd's sockets in the namespace of the container: root's, and its questions too."""
    with network.serving(uid=0, name="docker", udp=[41234], tcp=[33445], address=EMBEDDED,
                         upstream=upstream) as log:
        yield log


@ORDERS
@pytest.mark.parametrize("mode", [RESOLV_CONF, ALL], ids=["resolv-conf", "all"])
def test_embedded_dns(network, first, backend, mode):
    """Applications are captured; the resolver and the proxy reach Docker's DNS, which answers from
    the port that they asked."""
    with embedded_dns(network):
        in_order(network, first, lambda: network.install(mode, nameservers=[EMBEDDED]),
                 lambda: docker_starts(network, backend, DNS_RULES))
        for ask in (network.vm.udp, network.vm.tcp):
            assert who(ask(uid=n.APP, to=[EMBEDDED, 53])) == "resolver"
            assert who(ask(uid=n.PROXY, to=[EMBEDDED, 53])) == "docker"
        turns = network.vm.udp_turns(app=n.APP, proxy=n.PROXY, to=[EMBEDDED, 53], port=40056,
                                     turns=20)
        assert turns == {"app": {"resolver": 20}, "proxy": {"docker": 20}}
        assert network.run("uninstall").returncode == 0
        for uid in (n.APP, n.PROXY):
            assert who(network.vm.udp(uid=uid, to=[EMBEDDED, 53])) == "docker"


@ORDERS
def test_what_embedded_dns_asks_itself_is_not_captured(network, first, backend):
    """dockerd asks from within the container's namespace, as root, whoever is outside."""
    with embedded_dns(network, upstream=[n.FAR, 53]) as docker_log, \
         network.serving(uid=n.PROXY, name="mesh", udp=[15055],
                         upstream=[EMBEDDED, 53]) as mesh_log:
        in_order(network, first,
                 lambda: network.install(ALL + "port = 15055\n", nameservers=[EMBEDDED]),
                 lambda: docker_starts(network, backend, DNS_RULES))
        assert who(network.vm.udp(uid=n.APP, to=[EMBEDDED, 53])) == "mesh"
        lines = [len(log.read_text().splitlines()) for log in (mesh_log, docker_log)]
        assert (lines, len(network.seen_outside())) == ([1, 1], 1)


@ORDERS
@pytest.mark.parametrize("vm, far, container", [(n.VM, n.FAR, n.CLIENT), (n.VM6, n.FAR6, n.CLIENT6)],
                         ids=["ipv4", "ipv6"])
def test_published_ports(network, first, backend, vm, far, container):
    """From outside and from the host itself they lead into the container; all else is captured."""
    with network.serving(network.client, uid=n.SERVICE, name="container", tcp=[80]):
        in_order(network, first, lambda: network.install(ALL),
                 lambda: docker_starts(network, backend, HOST_V4, HOST_V6))
        answer = network.outside.tcp(uid=0, to=[vm, 8081])
        assert who(answer) == "container"
        assert who(network.vm.tcp(uid=n.APP, to=[vm, 8081])) == "container"
        assert who(network.outside.tcp(uid=0, to=[vm, 8080])) == "inbound"
        assert who(network.vm.tcp(uid=n.APP, to=[far, 80])) == "outbound"
        assert who(network.vm.tcp(uid=n.PROXY, to=[container, 80])) == "container"
        # What the container sends is forwarded, not inbound, and masqueraded by Docker.
        answer = network.client.tcp(uid=0, to=[far, 80])
        assert (who(answer), answer["peer"][0]) == ("outside", vm)
        assert who(network.client.tcp(uid=0, to=[vm, 8080])) == "inbound"


@ORDERS
def test_containers_as_a_network(network, first, backend):
    """Their TCP and DNS go to the host's proxy and resolver, their published ports stay."""
    behind = '[[redirect.network]]\ninterface = "lan0"\ncidr = ["10.66.2.0/24", "fd66:2::/64"]\n'
    with network.serving(network.client, uid=n.SERVICE, name="container", tcp=[80]):
        in_order(network, first, lambda: network.install(ALL + behind),
                 lambda: docker_starts(network, backend, HOST_V4, HOST_V6))
        for vm, far in ((n.VM, n.FAR), (n.VM6, n.FAR6)):
            assert who(network.outside.tcp(uid=0, to=[vm, 8081])) == "container"
            answer = network.client.tcp(uid=0, to=[far, 80])
            assert (who(answer), answer["original"]) == ("outbound", [far, 80])
            assert who(network.client.udp(uid=0, to=[far, 53])) == "resolver"


# --- what the documents of the others call impossible ---------------------------------------------

POSTGRES, CONTROL_PLANE = 1003, 1004


@pytest.mark.parametrize("vm, far", [(n.VM, n.FAR), (n.VM6, n.FAR6)], ids=["ipv4", "ipv6"])
def test_control_plane_and_postgresql_on_the_same_host(network, vm, far):
    """By users: the control plane and the database are left alone, and the proxy reaches the
    control plane by the address of its own machine."""
    with network.serving(uid=POSTGRES, name="postgres", tcp=[5432]), \
         network.serving(uid=CONTROL_PLANE, name="control plane", tcp=[5678, 5681]):
        network.install("""
[redirect.inbound]
exclude_ports = [5432, 5678, 5681]
[redirect.outbound]
exclude = [{ users = 5678, protocols = "tcp", ports = 5678 }]
""" + n.DNS_ALL, base=n.BASE + f"exempt_users = [{POSTGRES}, {CONTROL_PLANE}]\n")
        loopback = "::1" if ":" in vm else "127.0.0.1"
        for address in (vm, loopback):
            assert who(network.vm.tcp(uid=CONTROL_PLANE, to=[address, 5432])) == "postgres"
            assert who(network.vm.tcp(uid=n.PROXY, to=[address, 5678])) == "control plane"
        for uid in (POSTGRES, CONTROL_PLANE):  # a replica, another zone: not by way of the proxy
            assert who(network.vm.tcp(uid=uid, to=[far, 443])) == "outside"
            assert who(network.vm.udp(uid=uid, to=[far, 53])) == "outside"
        for port, name in ((5432, "postgres"), (5678, "control plane"), (8080, "inbound")):
            assert who(network.outside.tcp(uid=0, to=[vm, port])) == name
        assert who(network.vm.tcp(uid=n.APP, to=[far, 443])) == "outbound"
        assert who(network.vm.tcp(uid=n.PROXY, to=[vm, 8080])) == "inbound"  # a self-call
