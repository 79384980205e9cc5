"""install, uninstall, status and diff: what they change, what they say, how they end."""

import json
import re

import lab
import network as n
import pytest

FOREIGN = """
table inet foreign {
  comment "not ours"
  set ports { type inet_service; flags interval; elements = { 100-200 }; }
  chain output {
    type nat hook output priority -100; policy accept;
    tcp dport @ports counter redirect to :1
  }
}
table ip6 other {
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
  }
}
"""


def snapshot(namespace):
    """All that install may touch, as text."""
    # The kernel takes a moment to accept an address, on lo too.
    lab.wait_until(lambda: "tentative" not in namespace.run("ip", "-6", "address"), "the addresses")
    tables = namespace.run("nft", "-s", "list", "ruleset")
    saved = [re.sub(r"^#.*\n|\[\d+:\d+\]", "", namespace.run(f"ip{six}tables-save"), flags=re.M)
             for six in ("", "6")]
    routing = [namespace.run("ip", *words.split()) for words in (
        "address", "-4 rule", "-6 rule", "-4 route show table all", "-6 route show table all")]
    routing = [re.sub(r" expires \d+sec| valid_lft \S+ preferred_lft \S+", "", text)
               for text in routing]
    settings = namespace.run("sysctl", "-a", "--pattern", r"^net\.ipv[46]\.(conf|ip|route)")
    settings = re.sub(r".*(stable_secret|mtu_expires|ip_local_port).*\n", "", settings)
    return [tables, *saved, *routing, settings]


def handles(network):
    listing = json.loads(network.vm_namespace.run("nft", "-a", "-j", "list", "table", "inet", "meshgate"))
    return [(kind, value["handle"]) for item in listing["nftables"] for kind, value in item.items()
            if "handle" in value]


EVERYTHING = n.DNS_ALL + """
[redirect]
drop_invalid = true
[redirect.inbound]
exclude_ports = [22]
exclude_sources = ["192.0.2.0/24", "2001:db8::/32"]
[redirect.outbound]
exclude_ports = ["3000-4000"]
exclude_destinations = ["203.0.113.7", "2001:db8:1::/48"]
exclude = [{ users = "1010-1020", protocols = ["udp"], ports = ["53", "443"] }]
[[redirect.network]]
interface = "lan0"
cidr = "10.66.2.0/24"
"""


def test_a_second_install_changes_nothing(network):
    path = network.install(EVERYTHING)
    before = handles(network)
    done = network.run("install", config=path)
    assert done.returncode == 0, done.stderr
    assert handles(network) == before


@pytest.mark.parametrize("spoil", [
    "delete table inet meshgate",
    "flush table inet meshgate",
    "add rule inet meshgate {chain} return",
    "insert rule inet meshgate {chain} accept",
    "flush ruleset",
])
def test_an_install_over_a_spoilt_one_repairs_it(network, spoil):
    path = network.install(EVERYTHING)
    whole = network.vm_namespace.run("nft", "-s", "list", "table", "inet", "meshgate")
    chain = re.search(r"chain (\S+) {\n\t\ttype nat", whole)[1]
    network.vm_namespace.run("nft", spoil.format(chain=chain))
    assert network.run("status", config=path).returncode == (3 if "table" in spoil and "delete" in spoil
                                                             or spoil == "flush ruleset" else 2)
    assert network.run("install", config=path).returncode == 0
    assert network.vm_namespace.run("nft", "-s", "list", "table", "inet", "meshgate") == whole
    assert network.run("status", config=path).returncode == 0


def test_a_lost_address_is_put_back(network):
    path = network.install()
    network.vm_namespace.run("ip", "-6", "address", "del", "::6/128", "dev", "lo")
    assert network.run("status", config=path).returncode == 2
    assert network.run("install", config=path).returncode == 0
    assert "::6/128" in network.vm_namespace.run("ip", "-6", "address", "show", "dev", "lo")
    assert network.run("status", config=path).returncode == 0


@pytest.mark.parametrize("flushed", [False, True], ids=["", "after-flush-ruleset"])
@pytest.mark.parametrize("default_route", [True, False], ids=["default-route", "no-default-route"])
def test_uninstall_leaves_the_machine_as_it_was(network, flushed, default_route):
    vm = network.vm_namespace
    vm.run("nft", "-f", "-", input=FOREIGN)
    for six in ("", "6"):
        vm.run(f"ip{six}tables-nft", "-t", "nat", "-N", "DOCKER_OUTPUT")
        vm.run(f"ip{six}tables-nft", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-m", "comment",
               "--comment", "not ours", "-j", "DOCKER_OUTPUT")

    def install_and_uninstall():
        before = snapshot(vm)
        path = network.install(EVERYTHING + '[vip]\nipv6 = "fd00:fd00::/64"\n')
        assert snapshot(vm) != before
        if flushed:
            vm.run("nft", "flush", "ruleset")
            before[:3] = snapshot(vm)[:3]
        assert network.run("uninstall").returncode == 0
        assert snapshot(vm) == before
        assert network.run("status", config=path).returncode == 3

    if default_route:
        install_and_uninstall()
    else:
        with network.without_default_routes():
            install_and_uninstall()


def test_uninstall_of_nothing_is_done(network):
    for _ in range(2):
        done = network.run("uninstall")
        assert (done.returncode, done.stdout) == (0, "")


def test_status_and_diff_tell_absent_installed_and_differs(network):
    path = network.config(EVERYTHING)
    assert network.run("status", config=path).returncode == 3
    assert json.loads(network.run("status", "--json", config=path).stdout)["state"] == "absent"
    network.run("install", config=path)
    status = json.loads(network.run("status", "--json", config=path).stdout)
    assert status["schema"] == "meshgate-redirect.status/1"
    assert (status["state"], status["engine"], status["problems"]) == ("installed", "nftables", [])
    assert (status["inbound"], status["outbound"]) == (15006, 15001)
    assert status["dns"] == {"port": 15053, "capture": "all", "protocols": ["udp", "tcp"]}
    diff = network.run("diff", config=path)
    assert (diff.returncode, diff.stdout) == (0, "")

    other = network.config(EVERYTHING.replace("[22]", "[22, 2222]"))
    assert network.run("status", config=other).returncode == 2
    diff = network.run("diff", config=other)
    assert diff.returncode == 2
    assert diff.stdout and all(line[0] in "+-" for line in diff.stdout.splitlines())
    assert "2222" in diff.stdout
    status = network.run("status", "--json", config=other)
    assert json.loads(status.stdout)["state"] == "differs"


def test_a_foreign_table_of_our_name_is_refused(network):
    vm = network.vm_namespace
    vm.run("nft", "-f", "-", input="table inet meshgate {\nchain theirs {\n}\n}\n")
    before = snapshot(vm)
    for verb in ("install", "uninstall"):
        done = network.run(verb, config=network.config())
        assert done.returncode == 1, (verb, done.stdout, done.stderr)
        assert "meshgate" in done.stderr
        assert snapshot(vm) == before


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_without_privilege_nothing_is_changed(network, verb):
    done = network.run(verb, config=network.config(), uid=n.APP)
    assert done.returncode == 77, done.stderr
    assert done.stderr


def test_a_dry_run_needs_no_privilege_and_loads(network):
    path = network.config(EVERYTHING)
    vm = network.vm_namespace
    before = snapshot(vm)
    dry = [network.run("install", "--dry-run", config=path, uid=n.APP) for _ in range(2)]
    assert dry[0].returncode == 0, dry[0].stderr
    assert dry[0].stdout == dry[1].stdout
    assert snapshot(vm) == before
    vm.run("nft", "-f", "-", input=dry[0].stdout)
    by_nft = vm.run("nft", "-s", "list", "table", "inet", "meshgate")
    vm.run("nft", "flush", "ruleset")
    network.run("install", config=path)
    by_us = vm.run("nft", "-s", "list", "table", "inet", "meshgate")
    assert without_table_comment(by_us) == without_table_comment(by_nft)
    vm.run("nft", "flush", "ruleset")
    vm.run("nft", "-j", "-f", "-",
           input=network.run("install", "--dry-run", "--format", "json", config=path).stdout)
    by_json = vm.run("nft", "-s", "list", "table", "inet", "meshgate")
    # nft 1.0.6 does not load the comments of sets from JSON
    assert without_comments(by_json) == without_comments(by_nft)


def without_comments(listing):
    return re.sub(r'^\t+comment ".*"\n', "", listing, flags=re.M)


def without_table_comment(listing):
    return re.sub(r'^\tcomment "meshgate .*"\n', "", listing, flags=re.M)


def test_no_ipv6_on_lo_is_no_error(network):
    vm = network.vm_namespace
    vm.run("sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=1")
    try:
        path = network.config(n.DNS_ALL)
        done = network.run("install", "--verbose", config=path)
        assert done.returncode == 0, done.stderr
        assert "IPv6 is off" in done.stderr
        assert network.run("status", config=path).returncode == 0
        assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outbound"
        assert network.run("uninstall").returncode == 0
    finally:
        vm.run("sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=0")
