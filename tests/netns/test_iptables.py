"""The rules that `--dry-run --format iptables` prints, loaded by both flavours of iptables-restore:
packets go where they go with nftables."""

import network as n
import pytest

CONFIGURATION = ('[redirect]\ndrop_invalid = true\n'
                 '[redirect.inbound]\nexclude_ports = [22, "3000-4000"]\n'
                 '[redirect.outbound]\nexclude_ports = [443]\n' + n.DNS_ALL)
BOTH_FAMILIES = pytest.mark.parametrize("far, vm", [
    pytest.param(n.FAR, n.VM, id="ipv4"), pytest.param(n.FAR6, n.VM6, id="ipv6")])


@pytest.fixture(params=["nft", "legacy"])
def loaded(network, request):
    """The network, with the rules of CONFIGURATION in the vm."""
    done = network.run("install", "--dry-run", "--format", "iptables",
                       config=network.config(CONFIGURATION))
    assert done.returncode == 0, done.stderr
    ipv4, ipv6 = done.stdout.split("# ip6tables-restore --noflush\n")
    programs = {f"iptables-{request.param}": ipv4, f"ip6tables-{request.param}": ipv6}
    for program, text in programs.items():
        network.vm_namespace.run(f"{program}-restore", "--noflush", network.write(text, program))
    yield network
    for program in programs:
        for table in ("nat", "mangle", "raw"):
            network.vm_namespace.run(program, "-t", table, "-F")
            network.vm_namespace.run(program, "-t", table, "-X")


def who(answer):
    return answer.get("name") or answer["error"]


@BOTH_FAMILIES
def test_outbound(loaded, far, vm):
    answer = loaded.vm.tcp(uid=n.APP, to=[far, 80])
    assert (answer["name"], answer["original"]) == ("outbound", [far, 80])
    assert who(loaded.vm.tcp(uid=n.APP, to=[far, 443])) == "outside"
    assert who(loaded.vm.tcp(uid=n.PROXY, to=[far, 80])) == "outside"


@BOTH_FAMILIES
def test_inbound_and_the_call_of_the_proxy_to_its_own_machine(loaded, far, vm):
    reached = [who(loaded.outside.tcp(uid=0, to=[vm, port])) for port in (22, 3306, 80, 8080)]
    assert reached == ["service", "service", "inbound", "inbound"]
    assert who(loaded.vm.tcp(uid=n.PROXY, to=[vm, 8080])) == "inbound"
    assert who(loaded.vm.tcp(uid=n.APP, to=[vm, 8080])) == "service"


@BOTH_FAMILIES
def test_dns(loaded, far, vm):
    assert who(loaded.vm.udp(uid=n.APP, to=[far, 53])) == "resolver"
    assert who(loaded.vm.tcp(uid=n.APP, to=[far, 53])) == "resolver"
    assert who(loaded.vm.udp(uid=n.PROXY, to=[far, 53])) == "outside"
