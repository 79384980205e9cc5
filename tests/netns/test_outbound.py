"""What leaves the machine: to the proxy's 15001, except what is to go straight."""

import network as n
import pytest

ENGINES = n.ENGINES

BOTH_FAMILIES = pytest.mark.parametrize("far, outside, vm, loopback", [
    pytest.param(n.FAR, n.OUTSIDE, n.VM, "127.0.0.1", id="ipv4"),
    pytest.param(n.FAR6, n.OUTSIDE6, n.VM6, "::1", id="ipv6")])


def who(answer):
    return answer.get("name") or answer["error"]


def reached(network, uid, address, port):
    return who(network.vm.tcp(uid=uid, to=[address, port]))


@BOTH_FAMILIES
def test_an_application_reaches_the_proxy_which_learns_the_destination(network, far, outside, vm, loopback):
    network.install()
    answer = network.vm.tcp(uid=n.APP, to=[far, 80])
    assert (answer["name"], answer["port"], answer["original"]) == ("outbound", 15001, [far, 80])
    assert network.seen_outside() == []


@BOTH_FAMILIES
def test_the_proxy_and_exempt_users_go_straight(network, far, outside, vm, loopback):
    network.install(base=n.BASE + 'exempt_users = [1002, "2000-2999"]\n')
    users = (n.PROXY, n.OTHER, 2000, 2999, n.APP, 1999, 3000, 0, 4294967294)
    assert [reached(network, uid, far, 80) for uid in users] == ["outside"] * 4 + ["outbound"] * 5


@BOTH_FAMILIES
def test_excluded_ports_go_straight(network, far, outside, vm, loopback):
    network.install('[redirect.outbound]\nexclude_ports = [443, "3000-3306"]\n')
    ports = (443, 3000, 3306, 80, 8080)
    assert [reached(network, n.APP, far, port) for port in ports] == (
        ["outside"] * 3 + ["outbound"] * 2)


@BOTH_FAMILIES
def test_only_included_ports_are_captured(network, far, outside, vm, loopback):
    network.install('[redirect.outbound]\ninclude_ports = [443, "3000-3305"]\n')
    ports = (443, 3000, 3306, 80)
    assert [reached(network, n.APP, far, port) for port in ports] == (
        ["outbound", "outbound", "outside", "outside"])


@BOTH_FAMILIES
def test_excluded_destinations_go_straight_for_all_protocols(network, far, outside, vm, loopback):
    network.install(n.DNS_ALL + '[redirect.outbound]\n'
                    'exclude_destinations = ["198.51.100.0/24", "fd66:9::9"]\n')
    assert reached(network, n.APP, far, 80) == "outside"
    assert who(network.vm.udp(uid=n.APP, to=[far, 53])) == "outside"
    assert reached(network, n.APP, far, 53) == "outside"
    assert reached(network, n.APP, outside, 80) == "outbound"
    assert who(network.vm.udp(uid=n.APP, to=[outside, 53])) == "resolver"


@BOTH_FAMILIES
def test_excluded_users_protocols_and_ports_go_straight(network, far, outside, vm, loopback):
    network.install(n.DNS_ALL + "[redirect.outbound]\nexclude = [\n"
                    '{ users = 1002, protocols = "tcp", ports = ["80", "3000-5000"] },\n'
                    '{ users = "1003-1004", protocols = ["udp"], ports = 53 },\n'
                    "{ users = 1005 }]\n")
    assert [reached(network, n.OTHER, far, port) for port in (80, 3000, 3306, 443)] == (
        ["outside", "outside", "outside", "outbound"])
    assert reached(network, n.APP, far, 80) == "outbound"
    dns = {uid: who(network.vm.udp(uid=uid, to=[far, 53])) for uid in (1002, 1003, 1004, 1005)}
    assert dns == {1002: "resolver", 1003: "outside", 1004: "outside", 1005: "outside"}
    assert [reached(network, uid, far, 53) for uid in (1003, 1005)] == ["resolver", "outside"]
    assert [reached(network, uid, far, 443) for uid in (1003, 1005)] == ["outbound", "outside"]


@BOTH_FAMILIES
def test_the_machine_talks_to_itself_directly(network, far, outside, vm, loopback):
    network.install()
    assert reached(network, n.APP, loopback, 8080) == "service"
    assert reached(network, n.APP, vm, 8080) == "service"
    assert reached(network, 0, vm, 8080) == "service"


@BOTH_FAMILIES
def test_the_proxy_calls_itself_through_its_inbound_listener(network, far, outside, vm, loopback):
    network.install()
    answer = network.vm.tcp(uid=n.PROXY, to=[vm, 8080])
    assert (answer["name"], answer["original"]) == ("inbound", [vm, 8080])
    assert reached(network, n.PROXY, loopback, 8080) == "service"


@BOTH_FAMILIES
def test_only_the_proxy_calls_itself(network, far, outside, vm, loopback):
    network.install(base=n.BASE + "exempt_users = [1002]\n")
    assert reached(network, n.OTHER, vm, 8080) == "service"


def test_only_127_0_0_1_of_the_loopback_network_is_no_self_call(network):
    network.install()
    assert reached(network, n.PROXY, "127.0.0.2", 8080) == "inbound"
    assert reached(network, n.APP, "127.0.0.2", 8080) == "service"


@pytest.mark.parametrize("source, vm", [("127.0.0.6", n.VM), ("::6", n.VM6)])
def test_inbound_passthrough_comes_from_6_and_goes_to_the_service(network, source, vm):
    network.install()
    answer = network.vm.tcp(uid=n.PROXY, to=[vm, 8080], source=[source, 0])
    assert answer.get("name") == "service", answer
    assert answer["peer"][0] == source


@BOTH_FAMILIES
def test_outbound_off(network, far, outside, vm, loopback):
    network.install("[redirect.outbound]\nenabled = false\n")
    assert reached(network, n.APP, far, 80) == "outside"
    assert who(network.outside.tcp(uid=0, to=[vm, 8080])) == "inbound"


@pytest.mark.parametrize("family, captured, free", [("ipv4", n.FAR, n.FAR6), ("ipv6", n.FAR6, n.FAR)])
def test_one_family_only(network, family, captured, free):
    network.install(f'[redirect]\nip_family = "{family}"\n')
    assert reached(network, n.APP, captured, 80) == "outbound"
    assert reached(network, n.APP, free, 80) == "outside"


def test_other_ports_of_the_proxy(network):
    log = str(network.folder / "other.log")
    server = network.vm.serve(uid=n.PROXY, name="other", log=log, tcp=[25001, 25006], udp=[25053])
    try:
        network.install("[redirect.inbound]\nport = 25006\n[redirect.outbound]\nport = 25001\n" +
                        n.DNS_ALL + "port = 25053\n")
        assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["port"] == 25001
        assert network.outside.tcp(uid=0, to=[n.VM, 80])["port"] == 25006
        assert network.vm.udp(uid=n.APP, to=[n.FAR, 53])["port"] == 25053
    finally:
        network.vm.stop(pid=server["pid"])


def test_ipv6_that_comes_back_is_captured(network):
    """kumactl leaves it out while it is off, and says nothing: later it goes out uncaptured."""
    vm = network.vm_namespace
    try:
        vm.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        path = network.config(n.DNS_ALL)
        done = network.run("install", config=path)
        assert done.returncode == 0 and "IPv6 is off" in done.stderr
        assert network.run("status", config=path).returncode == 0
        assert reached(network, n.APP, n.FAR, 80) == "outbound"
    finally:
        network.bring_ipv6_back()
    assert reached(network, n.APP, n.FAR6, 80) == "outbound"
    assert who(network.vm.udp(uid=n.APP, to=[n.FAR6, 53])) == "resolver"
    assert who(network.outside.tcp(uid=0, to=[n.VM6, 8080])) == "inbound"
    assert network.run("status", config=path).returncode == 2  # ::6 is not there
    assert network.run("install", config=path).returncode == 0
    assert network.run("status", config=path).returncode == 0


def test_a_loopback_device_of_another_name(network):
    vm = network.vm_namespace

    def rename(old, new):
        vm.run("ip", "link", "set", old, "down")
        vm.run("ip", "link", "set", old, "name", new)
        vm.run("ip", "link", "set", new, "up")

    rename("lo", "loop7")
    try:
        path = network.install(n.DNS_ALL)
        for address in (n.VM, n.VM6, "127.0.0.1", "::1"):
            assert reached(network, n.APP, address, 8080) == "service"
        for address, source in ((n.VM, "127.0.0.6"), (n.VM6, "::6")):
            assert reached(network, n.PROXY, address, 8080) == "inbound"
            answer = network.vm.tcp(uid=n.PROXY, to=[address, 8080], source=[source, 0])
            assert who(answer) == "service"
        for far in (n.FAR, n.FAR6):
            assert reached(network, n.APP, far, 80) == "outbound"
        assert network.run("status", config=path).returncode == 0
        assert network.run("uninstall").returncode == 0
    finally:
        network.run("uninstall")
        rename("loop7", "lo")


def test_other_protocols_are_left_alone(network):
    network.install()
    assert who(network.vm.udp(uid=n.APP, to=[n.FAR, 5353])) == "outside"
    assert network.vm_namespace.try_run("ping", "-c1", "-W5", n.FAR).returncode in (0, 127)


@pytest.mark.parametrize("opened_by, warned", [(0, True), (n.PROXY, False)])
def test_a_proxy_that_is_not_the_exempt_user_is_pointed_out(network, opened_by, warned):
    with network.serving(uid=opened_by, name="proxy", tcp=[15007]):
        done = network.run("install", config=network.config("[redirect.outbound]\nport = 15007\n"))
    assert done.returncode == 0
    assert ("TCP port 15007 was opened by user 0" in done.stderr) == warned, done.stderr


@pytest.mark.nftables_only
@BOTH_FAMILIES
def test_insert_comes_before_everybody_else_s_translation(network, far, outside, vm, loopback):
    """A chain of somebody before Docker's place and before ours, as kube-proxy's cousins have it."""
    family = "ip6" if ":" in far else "ip"
    target = f"[{outside}]" if ":" in far else outside
    theirs = (f"table {family} theirs {{ chain output {{\n"
              "type nat hook output priority -150;\n"
              f"{family} daddr {far} tcp dport 80 dnat to {target}:8080\n}}\n}}\n")
    network.vm_namespace.run("nft", "-f", "-", input=theirs)
    network.install()
    assert reached(network, n.APP, far, 80) == "outside"
    network.install("[redirect.outbound]\ninsert = true\n")
    answer = network.vm.tcp(uid=n.APP, to=[far, 80])
    assert (answer["name"], answer["original"]) == ("outbound", [far, 80])
    assert reached(network, n.PROXY, far, 80) == "outside"  # whom it is theirs to translate
    # kumactl's jump, inserted, comes before its RETURN of TCP DNS: that is proxied again.
    assert reached(network, n.APP, far, 53) == "outside"
