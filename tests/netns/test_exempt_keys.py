"""Who is left alone, by user, group and mark, in any number and order; and several proxies."""

import network as n
import pytest

ENGINES = n.ENGINES

BOTH_FAMILIES = pytest.mark.parametrize("far, vm, loopback", [
    pytest.param(n.FAR, n.VM, "127.0.0.1", id="ipv4"),
    pytest.param(n.FAR6, n.VM6, "::1", id="ipv6")])
KEYS = """
[proxy]
user = [5678, 5680]
exempt_users = [1002]
exempt_groups = [1337, "2000-2999"]
exempt_marks = ["0x539/0xfff", 0x100, "0x20000/0xff0000", "0x53a/0xfff"]
"""
EXEMPT = ({"uid": n.PROXY}, {"uid": 5680}, {"uid": n.OTHER}, {"uid": n.APP, "gid": 1337},
          {"uid": n.APP, "gid": 2000}, {"uid": n.APP, "gid": 2999}, {"uid": 0, "gid": 1337},
          {"uid": n.APP, "mark": 0x539}, {"uid": n.APP, "mark": 0xf53a},
          {"uid": n.APP, "mark": 0x100}, {"uid": n.APP, "mark": 0x7020001},
          {"uid": n.OTHER, "gid": 1337, "mark": 0x539})
CAPTURED = ({"uid": n.APP}, {"uid": 0}, {"uid": 5679}, {"uid": 1337}, {"uid": n.APP, "gid": 1336},
            {"uid": n.APP, "gid": 1999}, {"uid": n.APP, "gid": 3000}, {"uid": n.APP, "gid": 1002},
            {"uid": n.APP, "mark": 0x538}, {"uid": n.APP, "mark": 0x1100},
            {"uid": n.APP, "mark": 0x30000}, {"uid": n.APP, "gid": 1, "mark": 1})


def who(answer):
    return answer.get("name") or answer["error"]


@BOTH_FAMILIES
def test_exempt_for_dns_and_tcp(network, far, vm, loopback):
    network.install(n.DNS_ALL, base=KEYS)
    for sockets, tcp, dns in ((EXEMPT, "outside", "outside"), (CAPTURED, "outbound", "resolver")):
        for socket in sockets:
            landed = (who(network.vm.tcp(to=[far, 80], **socket)),
                      who(network.vm.tcp(to=[far, 53], **socket)),
                      who(network.vm.udp(to=[far, 53], **socket)))
            assert landed == (tcp, dns, dns), socket


@pytest.mark.parametrize("users", [(5678, 5680), (5680, 5678), (5678, 5679, 5680), (4294967294, 7)])
@BOTH_FAMILIES
def test_every_proxy_calls_itself_through_the_inbound_listener(network, far, vm, loopback, users):
    """Istio's rule for the first of several users returns the call of the second."""
    base = f"[proxy]\nuser = {list(users)}\nexempt_users = [1002]\nexempt_groups = [1337]\n"
    network.install(n.DNS_ALL, base=base + "exempt_marks = [0x539]\n")
    for uid in users:
        answer = network.vm.tcp(uid=uid, to=[vm, 8080])
        assert (who(answer), answer.get("original")) == ("inbound", [vm, 8080]), uid
        # Whatever else its socket has.
        assert who(network.vm.tcp(uid=uid, gid=1337, mark=0x539, to=[vm, 8080])) == "inbound"
        assert who(network.vm.tcp(uid=uid, to=[loopback, 8080])) == "service"
        assert who(network.vm.tcp(uid=uid, to=[far, 80])) == "outside"
        assert who(network.vm.udp(uid=uid, to=[far, 53])) == "outside"
    # The others that are exempt call nobody but whom they mean.
    for socket in ({"uid": n.OTHER}, {"uid": n.APP, "gid": 1337}, {"uid": n.APP, "mark": 0x539}):
        assert who(network.vm.tcp(to=[vm, 8080], **socket)) == "service"


def test_the_zone_is_of_the_queries_that_are_captured(network):
    network.install(n.DNS_ALL, base=KEYS)
    for socket in EXEMPT:
        network.vm.udp(to=[n.FAR, 53], **socket)
    listing = network.vm_namespace.run("conntrack", "-L")
    assert f"dst={n.FAR} " in listing and "zone" not in listing
    network.vm.udp(uid=n.APP, to=[n.FAR, 53])
    assert "zone-orig=15053" in network.vm_namespace.run("conntrack", "-L")


MARKS_ALL = """table inet marks {{
  chain marks {{ type {kind} hook {hook} priority {priority}
    {match} meta mark set 0x539
  }}
}}
"""


def mark(network, **words):
    network.vm_namespace.run("nft", "-f", "-", input=MARKS_ALL.format(**words))


@BOTH_FAMILIES
def test_a_mark_of_the_mangle_table_comes_after_the_decision_about_the_zone(network, far, vm,
                                                                            loopback):
    """It exempts from what nat decides; the query got its zone before, and is answered all the
    same. One that is set before the raw table exempts from both."""
    network.install(n.DNS_ALL, base=KEYS)
    for priority, has_zone in ((-150, True), (-301, False)):
        mark(network, kind="route" if priority == -150 else "filter", hook="output",
             priority=priority, match=f"meta skuid {n.APP}")
        network.vm_namespace.run("conntrack", "-F")
        assert who(network.vm.tcp(uid=n.APP, to=[far, 80])) == "outside"
        assert who(network.vm.udp(uid=n.APP, to=[far, 53])) == "outside"
        family = "ipv6" if ":" in far else "ipv4"
        listing = network.vm_namespace.run("conntrack", "-L", "-p", "udp", "-f", family)
        assert ("zone-orig=15053" in listing) == has_zone, listing
        network.vm_namespace.run("nft", "delete", "table", "inet", "marks")


@BOTH_FAMILIES
def test_a_mark_exempts_only_what_this_machine_sends(network, far, vm, loopback):
    """Not what clients send through it, and not what others send to it, whenever it was set."""
    network.install(n.DNS_ALL + '[[redirect.network]]\ninterface = "lan0"\n'
                    'cidr = ["10.66.2.0/24", "fd66:2::/64"]\n', base=KEYS)
    for priority in (-301, -150):
        mark(network, kind="filter", hook="prerouting", priority=priority, match="iif != lo")
        assert who(network.client.tcp(uid=0, to=[far, 80])) == "outbound"
        assert who(network.client.udp(uid=0, to=[far, 53])) == "resolver"
        assert who(network.outside.tcp(uid=0, to=[vm, 8080])) == "inbound"
        network.vm_namespace.run("nft", "delete", "table", "inet", "marks")


@pytest.mark.nftables_only
def test_connections_that_may_be_exempt_by_group_or_mark_are_not_ended(network):
    """Nobody can find out afterwards in which group a socket was opened."""
    network.vm.hold(uid=n.APP, gid=1337, to=[n.FAR, 80], name="exempt")
    path = network.install(base=KEYS)
    done = network.run("install", "--flush-connections", "--verbose", config=path)
    assert done.returncode == 0 and "1 left alone" in done.stderr, done.stderr
    assert who(network.vm.say(name="exempt")) == "outside"
    network.vm.let_go(name="exempt")
    network.install()
    network.vm.hold(uid=n.PROXY, to=[n.FAR, 80], name="proxy")
    path = network.install(base="[proxy]\nuser = 5680\n")
    assert network.run("install", "--flush-connections", config=path).returncode == 0
    assert network.vm.say(name="proxy")["error"] in ("EOF", "ECONNRESET", "ECONNABORTED", "EPIPE")
    network.vm.let_go(name="proxy")


def test_what_is_installed_is_what_is_configured(network):
    path = network.install(n.DNS_ALL, base=KEYS)
    assert network.run("status", config=path).returncode == 0
    done = network.run("diff", config=path)
    assert (done.returncode, done.stdout) == (0, "")
    other = network.config(n.DNS_ALL, base=KEYS.replace("1337, ", ""))
    assert network.run("diff", config=other).returncode == 2


@pytest.mark.nftables_only
def test_nft_shows_groups_as_groups(network):
    """By the type that the set says it has, which the kernel only keeps."""
    network.install(n.DNS_ALL, base=KEYS)
    listing = network.vm_namespace.run("nft", "list", "ruleset")
    types = {words.split()[0]: words.split("type ")[1].split("\n")[0]
             for words in listing.split("\tset ")[1:]}
    assert {name: kind for name, kind in types.items() if "group" in name} == {
        "exempt_groups": "gid"}, listing
