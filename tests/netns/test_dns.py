"""Queries: to the resolver's 15053, in both modes, whatever source port they come from."""

import lab
import network as n
import pytest

ENGINES = n.ENGINES

BOTH_FAMILIES = pytest.mark.parametrize("far, outside", [
    pytest.param(n.FAR, n.OUTSIDE, id="ipv4"), pytest.param(n.FAR6, n.OUTSIDE6, id="ipv6")])
RESOLV_CONF = '[redirect.dns]\nenabled = true\nprotocols = ["udp", "tcp"]\n'


def udp(network, uid, address, port=53):
    answer = network.vm.udp(uid=uid, to=[address, port])
    return answer.get("name") or answer["error"]


def tcp(network, uid, address, port=53):
    answer = network.vm.tcp(uid=uid, to=[address, port])
    return answer.get("name") or answer["error"]


@BOTH_FAMILIES
def test_capture_all(network, far, outside):
    network.install(n.DNS_ALL)
    for server in (far, outside):
        assert udp(network, n.APP, server) == "resolver"
        assert tcp(network, n.APP, server) == "resolver"
    assert udp(network, n.APP, far, 5353) == "outside"


@BOTH_FAMILIES
def test_capture_of_the_servers_in_resolv_conf(network, far, outside):
    network.install(RESOLV_CONF, nameservers=[outside])
    assert udp(network, n.APP, outside) == "resolver"
    assert tcp(network, n.APP, outside) == "resolver"
    assert udp(network, n.APP, far) == "outside"


@BOTH_FAMILIES
def test_tcp_to_port_53_that_is_not_captured_goes_straight(network, far, outside):
    network.install(RESOLV_CONF, nameservers=[outside])
    assert tcp(network, n.APP, far) == "outside"
    network.install('[redirect.dns]\nenabled = true\ncapture = "all"\n')  # udp is the default
    assert udp(network, n.APP, far) == "resolver"
    assert tcp(network, n.APP, far) == "outside"


@BOTH_FAMILIES
def test_no_dns_capture(network, far, outside):
    network.install()
    assert udp(network, n.APP, far) == "outside"


def test_local_resolvers_on_loopback(network):
    """systemd-resolved's 127.0.0.53, Docker's 127.0.0.11: the nameservers of many machines."""
    network.install(RESOLV_CONF, nameservers=["127.0.0.53"])
    assert udp(network, n.APP, "127.0.0.53") == "resolver"
    assert tcp(network, n.APP, "127.0.0.53") == "resolver"
    assert tcp(network, n.APP, "127.0.0.11") == "ECONNREFUSED"


@BOTH_FAMILIES
def test_exempt_users_ask_the_server_itself(network, far, outside):
    network.install(n.DNS_ALL, base=n.BASE + "exempt_users = [1002]\n")
    for uid, name in ((n.PROXY, "outside"), (n.OTHER, "outside"), (n.APP, "resolver")):
        assert udp(network, uid, far) == name
        assert tcp(network, uid, far) == name


@BOTH_FAMILIES
def test_a_source_port_used_by_the_application_and_the_proxy_in_turn(network, far, outside):
    """Without a zone of its own the proxy's query would follow the application's translation to
    itself, or the application's would follow the proxy's to the outside."""
    network.install(n.DNS_ALL)
    turns = network.vm.udp_turns(app=n.APP, proxy=n.PROXY, to=[outside, 53], port=40053, turns=50)
    # The resolver asks the outside server once for each query of the application.
    assert turns == {"app": {"resolver": 50}, "proxy": {"outside": 50}}
    leaked = [line for line in network.seen_outside() if line.get("payload", "").startswith("app")]
    assert leaked == []


def test_a_thousand_queries_from_one_source_port(network):
    network.install(n.DNS_ALL)
    names = network.vm.udp_many(uid=n.APP, to=[n.OUTSIDE, 53], count=1000,
                                source=["0.0.0.0", 40054])
    assert names == {"resolver": 1000}
    asked = [line["payload"].startswith("upstream of app") for line in network.seen_outside()]
    assert asked == [True] * 1000


def test_the_zone_is_of_udp_queries_only(network):
    network.install(n.DNS_ALL + "conntrack_zone = 777\n")
    udp(network, n.APP, n.FAR)
    tcp(network, n.APP, n.FAR)
    listing = network.vm_namespace.run("conntrack", "-L")
    lines = {line.split()[0]: line for line in listing.splitlines() if "dport=53 " in line
             and f"dst={n.FAR} " in line}
    assert "zone-orig=777" in lines["udp"]
    assert "zone" not in lines["tcp"]
    proxy_lines = [line for line in listing.splitlines()
                   if line.startswith("udp") and f"dst={n.OUTSIDE} " in line]
    assert proxy_lines and all("zone" not in line for line in proxy_lines)


def test_no_zone(network):
    """conntrack_zone = 0: the capture works, and no connection is in a zone of its own."""
    path = network.install(n.DNS_ALL + "conntrack_zone = 0\n")
    for server in (n.FAR, n.FAR6):
        assert udp(network, n.APP, server) == "resolver"
        assert tcp(network, n.APP, server) == "resolver"
        assert udp(network, n.PROXY, server) == "outside"
    assert "zone" not in network.rules()
    assert "zone" not in network.vm_namespace.run("conntrack", "-L")
    assert network.run("status", config=path).returncode == 0


@pytest.mark.parametrize("close", ["client", "server"])
def test_captured_tcp_queries_end_without_a_packet_astray(network, close):
    """The last ACK of a connection in TIME_WAIT belongs to no user."""
    network.install(n.DNS_ALL)
    vm = network.vm_namespace
    with vm.capture(n.UPLINK, "tcp port 53 or tcp port 15053") as capture:
        answer = network.vm.tcp(uid=n.APP, to=[n.FAR, 53], close=close, count=100)
        assert answer["name"] == "resolver"
        lab.wait_until(lambda: vm.run("ss", "-Htan", "state", "last-ack", "state", "closing",
                                      "state", "fin-wait-1").strip() == "", "the connections' ends")
    assert capture.packets == []
    assert network.seen_outside() == []


@pytest.mark.nftables_only
def test_with_docker_s_own_capture_installed_before_or_after(network):
    """At equal priority the last chain would come first; ours comes before either way."""
    docker = ("table ip docker { chain output {\ntype nat hook output priority -100;\n"
              "ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:41234\n}\n}\n")
    log = str(network.folder / "docker.log")
    server = network.vm.serve(uid=0, name="docker", log=log, udp=[41234])
    try:
        for first in ("docker", "meshgate"):
            network.clean()
            if first == "docker":
                network.vm_namespace.run("nft", "-f", "-", input=docker)
            network.install(RESOLV_CONF, nameservers=["127.0.0.11"])
            if first == "meshgate":
                network.vm_namespace.run("nft", "-f", "-", input=docker)
            assert udp(network, n.APP, "127.0.0.11") == "resolver"
            assert udp(network, n.PROXY, "127.0.0.11") == "docker"
    finally:
        network.vm.stop(pid=server["pid"])
