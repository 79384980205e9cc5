"""Where connections land with kumactl's rules, and land here: rows written from a description of what
`kumactl install transparent-proxy` installs, not from what our program says. Where ours differs on
purpose, the row says why."""

import json

import network as n
import pytest

ENGINES = n.ENGINES

DNS_UDP = '[redirect.dns]\nenabled = true\ncapture = "all"\n'
LISTED = "[redirect.dns]\nenabled = true\n"
NETWORK = '[[redirect.network]]\ninterface = "lan0"\ncidr = "10.66.2.0/24"\n'

UIDS = "--exclude-outbound-ports-for-uids"
# Name: kumactl's words, the words of a file of Kuma's where no flag says it, and ours for the same.
CONFIGURATIONS = {
    "default": ([], "", ""),
    "--redirect-inbound=false": (["--redirect-inbound=false"], "",
                                 "[redirect.inbound]\nenabled = false\n"),
    "outbound off, all DNS": (["--redirect-all-dns-traffic"], "{redirect: {outbound: {enabled: false}}}",
                              "[redirect.outbound]\nenabled = false\n" + DNS_UDP),
    "--exclude-inbound-ports": (["--exclude-inbound-ports", "22,8080"], "",
                                "[redirect.inbound]\nexclude_ports = [22, 8080]\n"),
    "--exclude-outbound-ports": (["--exclude-outbound-ports", "443,8080"], "",
                                 "[redirect.outbound]\nexclude_ports = [443, 8080]\n"),
    "inbound includePorts": ([], "{redirect: {inbound: {includePorts: [80]}}}",
                             "[redirect.inbound]\ninclude_ports = [80]\n"),
    "outbound includePorts": ([], "{redirect: {outbound: {includePorts: 80}}}",
                              "[redirect.outbound]\ninclude_ports = [80]\n"),
    "--exclude-inbound-ips": (
        ["--exclude-inbound-ips", "10.66.1.2", "--exclude-inbound-ips", "fd66:1::2"], "",
        '[redirect.inbound]\nexclude_sources = ["10.66.1.2", "fd66:1::2"]\n'),
    "--exclude-outbound-ips": (
        ["--redirect-all-dns-traffic", "--exclude-outbound-ips", "198.51.100.9/32,fd66:9::/64"], "",
        DNS_UDP + '[redirect.outbound]\nexclude_destinations = ["198.51.100.9/32", "fd66:9::/64"]\n'),
    "--exclude-outbound-ports-for-uids": (
        ["--redirect-all-dns-traffic", UIDS, "tcp:80,3000-3306:1000-1001", UIDS, "udp:53:1000"], "",
        DNS_UDP + '[redirect.outbound]\nexclude = ['
        '{ users = "1000-1001", protocols = "tcp", ports = ["80", "3000-3306"] },'
        '{ users = 1000, protocols = "udp", ports = 53 }]\n'),
    "--ip-family-mode=ipv4": (["--ip-family-mode=ipv4", "--redirect-all-dns-traffic"], "",
                              '[redirect]\nip_family = "ipv4"\n' + DNS_UDP),
    "--vnet": (["--redirect-all-dns-traffic", "--vnet", "lan0:10.66.2.0/24"], "", DNS_UDP + NETWORK),
    "--vnet, no DNS": (["--vnet", "lan0:10.66.2.0/24"], "", NETWORK),
    "--redirect-dns": (["--redirect-dns"], "", LISTED),
    "--redirect-all-dns-traffic": (["--redirect-all-dns-traffic"], "", DNS_UDP),
    # As the longest of kumactl's own acceptance tests has them.
    "many flags": (
        ["--redirect-all-dns-traffic", "--vnet", "docker0:172.17.0.0/16", "--vnet", "lan+:10.66.2.0/24",
         "--vnet", "lan0:fd66:2::/64", UIDS, "tcp:22,80-99:1000-1002", UIDS, "udp:53:1002",
         "--exclude-inbound-ips", "10.66.1.2", "--exclude-inbound-ips", "fd66:1::2",
         "--exclude-outbound-ips", "10.66.1.0/24,fd66:1::/64", "--exclude-outbound-ports", "3306",
         "--exclude-inbound-ports", "22"], "",
        DNS_UDP + """
[[redirect.network]]
interface = "docker0"
cidr = "172.17.0.0/16"
[[redirect.network]]
interface = "lan+"
cidr = "10.66.2.0/24"
[[redirect.network]]
interface = "lan0"
cidr = "fd66:2::/64"
[redirect.outbound]
exclude = [{ users = "1000-1002", protocols = "tcp", ports = [22, "80-99"] },
           { users = 1002, protocols = "udp", ports = 53 }]
exclude_destinations = ["10.66.1.0/24", "fd66:1::/64"]
exclude_ports = 3306
[redirect.inbound]
exclude_sources = ["10.66.1.2", "fd66:1::2"]
exclude_ports = 22
"""),
}

APP, PROXY, OTHER, ROOT = n.APP, n.PROXY, n.OTHER, 0
TCP, UDP = "tcp", "udp"

# Who asks (a user of the vm, or another machine), how, whom, and who answers.
ROWS = {
    "default": [
        ("outside", TCP, n.VM, 8080, "inbound"),
        ("outside", TCP, n.VM6, 8080, "inbound"),
        ("outside", TCP, n.VM, 22, "inbound"),  # SSH is no exception by default
        ("outside", TCP, n.LAN, 80, "inbound"),
        ("outside", UDP, n.VM, 3000, "service"),
        (APP, TCP, n.FAR, 80, "outbound"),
        (APP, TCP, n.FAR6, 80, "outbound"),
        (ROOT, TCP, n.FAR, 443, "outbound"),
        (OTHER, TCP, n.OUTSIDE, 22, "outbound"),
        (PROXY, TCP, n.FAR, 80, "outside"),
        (PROXY, TCP, n.FAR6, 80, "outside"),
        (APP, UDP, n.FAR, 3000, "outside"),
        (APP, UDP, n.FAR, 53, "outside"),
        # Kuma sends it to 15001 while DNS is off: here TCP/53 never goes there (design, section 3).
        (APP, TCP, n.FAR, 53, "outside"),
        (APP, TCP, n.VM, 8080, "service"),
        (APP, TCP, n.VM6, 8080, "service"),
        (ROOT, TCP, n.LAN, 80, "service"),
        (APP, TCP, "127.0.0.1", 8080, "service"),
        (APP, TCP, "::1", 8080, "service"),
        (PROXY, TCP, n.VM, 8080, "inbound"),  # the self-call
        (PROXY, TCP, n.VM6, 8080, "inbound"),
        (PROXY, TCP, "127.0.0.2", 8080, "inbound"),
        (PROXY, TCP, "127.0.0.1", 8080, "service"),
        (PROXY, TCP, "::1", 8080, "service"),
        ((PROXY, "127.0.0.6"), TCP, n.VM, 8080, "service"),  # Envoy's second hop
        ((PROXY, "::6"), TCP, n.VM6, 8080, "service"),
        ((APP, "127.0.0.6"), TCP, n.VM, 8080, "service"),
        ("client", TCP, n.FAR, 80, "outside"),  # Kuma takes what is only passed on; here it passes on
        ("client", TCP, n.LAN, 8080, "inbound"),
    ],
    "--redirect-inbound=false": [
        ("outside", TCP, n.VM, 8080, "service"),
        ("outside", TCP, n.VM6, 8080, "service"),
        (APP, TCP, n.FAR, 80, "outbound"),
        # Kuma keeps the self-call; here nothing goes to 15006 when inbound is off.
        (PROXY, TCP, n.VM, 8080, "service"),
    ],
    "outbound off, all DNS": [
        (APP, TCP, n.FAR, 80, "outside"),
        (APP, UDP, n.FAR, 53, "resolver"),
        ("outside", TCP, n.VM, 8080, "inbound"),
    ],
    "--exclude-inbound-ports": [
        ("outside", TCP, n.VM, 22, "service"),
        ("outside", TCP, n.VM6, 8080, "service"),
        ("outside", TCP, n.VM, 80, "inbound"),
        (PROXY, TCP, n.VM, 8080, "inbound"),  # the exclusions come before it, and are not for it
    ],
    "--exclude-outbound-ports": [
        (APP, TCP, n.FAR, 443, "outside"),
        (APP, TCP, n.FAR6, 8080, "outside"),
        (APP, TCP, n.FAR, 80, "outbound"),
        (PROXY, TCP, n.VM, 8080, "service"),  # first in the chain, before the self-call
    ],
    "inbound includePorts": [
        ("outside", TCP, n.VM, 80, "inbound"),
        ("outside", TCP, n.VM, 8080, "service"),
    ],
    "outbound includePorts": [
        (APP, TCP, n.FAR, 80, "outbound"),
        (APP, TCP, n.FAR, 443, "outside"),
        (PROXY, TCP, n.VM, 8080, "inbound"),  # rules 5 to 9 stay
    ],
    "--exclude-inbound-ips": [
        ("outside", TCP, n.VM, 8080, "service"),
        ("outside", TCP, n.VM6, 8080, "service"),
        (("outside", n.FAR), TCP, n.VM, 8080, "inbound"),
    ],
    "--exclude-outbound-ips": [
        (APP, TCP, n.FAR, 80, "outside"),
        (APP, TCP, n.FAR6, 80, "outside"),
        (APP, UDP, n.FAR, 53, "outside"),  # before the DNS rules, whatever the protocol
        (APP, UDP, n.OUTSIDE, 53, "resolver"),
        (APP, TCP, n.OUTSIDE, 80, "outbound"),
    ],
    "--exclude-outbound-ports-for-uids": [
        (APP, TCP, n.FAR, 80, "outside"),
        (APP, TCP, n.FAR6, 3306, "outside"),
        (n.SERVICE, TCP, n.FAR, 80, "outside"),
        (OTHER, TCP, n.FAR, 80, "outbound"),
        (APP, TCP, n.FAR, 443, "outbound"),
        (APP, UDP, n.FAR, 53, "outside"),
        (n.SERVICE, UDP, n.FAR, 53, "resolver"),
    ],
    "--ip-family-mode=ipv4": [
        (APP, TCP, n.FAR, 80, "outbound"),
        (APP, TCP, n.FAR6, 80, "outside"),
        (APP, UDP, n.FAR6, 53, "outside"),
        ("outside", TCP, n.VM6, 8080, "service"),
    ],
    "--vnet": [
        ("client", TCP, n.FAR, 80, "outbound"),
        ("client", UDP, n.FAR, 53, "resolver"),
        ("client", TCP, n.LAN, 8080, "inbound"),  # addressed to the machine itself
        ("client", TCP, n.FAR6, 80, "outside"),  # no network of that family
    ],
    "--vnet, no DNS": [
        ("client", TCP, n.FAR, 80, "outbound"),
        # Kuma captures it though DNS is off: here off is off.
        ("client", UDP, n.FAR, 53, "outside"),
    ],
    "--redirect-dns": [
        (APP, UDP, n.OUTSIDE, 53, "resolver"),
        (APP, UDP, n.FAR, 53, "outside"),
        (APP, UDP, n.FAR6, 53, "outside"),  # no nameserver of that family
        (PROXY, UDP, n.OUTSIDE, 53, "outside"),
        (APP, TCP, n.OUTSIDE, 53, "outside"),
    ],
    "--redirect-all-dns-traffic": [
        (APP, UDP, n.FAR, 53, "resolver"),
        (ROOT, UDP, n.FAR6, 53, "resolver"),
        (PROXY, UDP, n.FAR, 53, "outside"),
        (APP, TCP, n.FAR, 53, "outside"),  # past Envoy, which would reset it
        (PROXY, TCP, n.FAR, 53, "outside"),
        (APP, UDP, n.FAR, 5353, "outside"),
    ],
    "many flags": [
        (APP, TCP, n.FAR, 80, "outside"),  # excluded for its uid
        (n.SERVICE, TCP, n.FAR6, 22, "outside"),
        (1999, TCP, n.FAR, 80, "outbound"),
        (APP, TCP, n.FAR, 443, "outbound"),
        (1999, TCP, n.FAR, 3306, "outside"),
        (OTHER, UDP, n.FAR, 53, "outside"),  # its DNS is excluded, before the DNS rules
        (APP, UDP, n.FAR6, 53, "resolver"),
        (APP, UDP, n.OUTSIDE, 53, "outside"),  # excluded by its address
        (APP, TCP, n.OUTSIDE6, 443, "outside"),
        (PROXY, UDP, n.FAR, 53, "outside"),
        (PROXY, TCP, n.VM, 8080, "service"),  # an excluded address comes before the self-call
        (PROXY, TCP, n.LAN, 8080, "inbound"),
        ("client", UDP, n.FAR, 53, "resolver"),
        ("client", UDP, n.FAR6, 53, "resolver"),
        ("client", TCP, n.FAR, 80, "outbound"),
        ("client", TCP, n.FAR6, 443, "outbound"),
        ("client", TCP, n.LAN, 8080, "inbound"),
        ("outside", TCP, n.VM, 8080, "service"),
        (("outside", n.FAR), TCP, n.VM, 8080, "inbound"),
        (("outside", n.FAR), TCP, n.VM, 22, "service"),
    ],
}
PORTS = {15001: "outbound", 15006: "inbound", 15053: "resolver"}
MACHINES = {"outside": (n.OUTSIDE, n.OUTSIDE6, "up0"), "client": (n.CLIENT, n.CLIENT6, "lan0")}


def question(who, source, protocol, to, port):
    where = f"[{to}]:{port}" if ":" in to else f"{to}:{port}"
    if who not in MACHINES:
        return f"--user {who} {f'--from {source} ' if source else ''}{protocol} {where}"
    ipv4, ipv6, interface = MACHINES[who]
    source = source or (ipv6 if ":" in to else ipv4)
    return f"--inbound --interface {interface} --from {source} {protocol} {where}"


def landing(network, who, source, protocol, to, port):
    agent = getattr(network, who if who in MACHINES else "vm")
    more = {"source": [source, 0]} if source else {}
    answer = getattr(agent, protocol)(uid=0 if who in MACHINES else who, to=[to, port], **more)
    return answer.get("name") or answer["error"]


def test_there_are_enough_rows():
    assert ROWS.keys() == CONFIGURATIONS.keys()
    assert sum(map(len, ROWS.values())) >= 60


def install_as_kumactl(network, flags, file):
    """By kumactl's own words; beside them only what it has no words for, the engine, and the
    machine's resolv.conf."""
    files = [network.config(base="")]
    if file:
        files.append(network.write(file, "kuma.yaml"))
    words = [word for path in files for word in ("--config", path)]
    done = network.run("install", "transparent-proxy", "--kuma-dp-user", n.PROXY, *words, *flags)
    assert done.returncode == 0, done.stderr


def test_files_and_standard_input_are_merged_in_their_order(network):
    """A list is replaced by the next that has one, other keys stay; flags have the last word."""
    base = network.config(base="")
    first = network.write("redirect: {dns: {enabled: true, port: 5300}, inbound: {excludePorts: [1, 2]}}\n"
                          "dropInvalidPackets: true\n", "first.yaml")
    second = network.write('{"redirect": {"dns": {"port": 8888}, "outbound": {"excludePorts": "443"}}}',
                           "second.json")
    done = network.vm_namespace.try_run(
        network.redirect, "install", "transparent-proxy", "--kuma-dp-user", n.PROXY, "--config", base,
        "--config", first, "--config", second, "--config", "-", "--exclude-outbound-ports", "80",
        input="redirect:\n  dns: {captureAll: true}\n  inbound: {excludePorts: [22]}\n")
    assert done.returncode == 0, done.stderr
    same = network.run("diff", config=network.config("""
[redirect]
drop_invalid = true
[redirect.dns]
enabled = true
capture = "all"
port = 8888
[redirect.inbound]
exclude_ports = [22]
[redirect.outbound]
exclude_ports = [80]
"""))
    assert (same.returncode, same.stdout) == (0, ""), same.stderr


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_connections_land_as_with_kumactl(network, name):
    flags, file, text = CONFIGURATIONS[name]
    install_as_kumactl(network, flags, file)
    ours = network.run("diff", config=network.config(text))
    assert (ours.returncode, ours.stdout) == (0, ""), ours.stderr
    rows = [(*(who if isinstance(who, tuple) else (who, None)), *rest) for who, *rest in ROWS[name]]
    asked = "".join(question(*row[:-1]) + "\n" for row in rows)
    done = network.vm_namespace.try_run(network.redirect, "explain", "--batch", "--json",
                                        input=asked)
    assert done.returncode == 0, done.stderr
    for row, line in zip(rows, done.stdout.splitlines()):
        explained = json.loads(line)
        assert landing(network, *row[:-1]) == row[-1], row
        straight = "outside" if row[3] in (n.FAR, n.FAR6, n.OUTSIDE, n.OUTSIDE6) else "service"
        assert PORTS.get(explained["to_port"], straight) == row[-1], (row, explained)
