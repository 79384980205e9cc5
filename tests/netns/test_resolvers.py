"""Resolvers on the machine itself, as resolv.conf names them: neither do their own questions come
back to them, nor is anything lost because of them. Real ones are in tests/e2e."""

import contextlib
import json
import re
import subprocess

import network as n
import pytest

ENGINES = n.ENGINES

RESOLV_CONF = '[redirect.dns]\nenabled = true\nport = 15055\n'
ALL = RESOLV_CONF + 'capture = "all"\n'
RESOLVER = 1234  # the user of the resolver on the machine


def udp(network, uid, address):
    answer = network.vm.udp(uid=uid, to=[address, 53])
    return answer.get("name") or answer["error"]


@contextlib.contextmanager
def chain(network, address, user=RESOLVER, upstream=n.FAR, at=None):
    """The mesh resolver asks the local one at `address`, which asks outside."""
    with network.serving(uid=user, name="local", udp=[53], address=at or address,
                         upstream=[upstream, 53]) as local_log, \
         network.serving(uid=n.PROXY, name="mesh", udp=[15055],
                         upstream=[address, 53]) as mesh_log:
        yield lambda: (len(mesh_log.read_text().splitlines()),
                       len(local_log.read_text().splitlines()), len(network.seen_outside()))


LOCAL = pytest.mark.parametrize("address, upstream", [
    ("127.0.0.1", n.FAR), ("127.0.0.53", n.FAR), ("::1", n.FAR6), (n.VM, n.FAR), (n.VM6, n.FAR6)])


@LOCAL
@pytest.mark.parametrize("mode", [ALL, RESOLV_CONF], ids=["all", "resolv-conf"])
def test_one_question_is_asked_once_at_each_step(network, address, upstream, mode):
    """And not again and again in a circle."""
    with chain(network, address, upstream=upstream) as asked:
        path = network.install(mode, nameservers=[address])
        assert udp(network, n.APP, address) == "mesh"
        assert asked() == (1, 1, 1)
        assert network.run("status", config=path).returncode == 0


@LOCAL
def test_the_resolver_and_its_upstream_are_both_in_resolv_conf(network, address, upstream):
    """What it asks there would be captured in either mode."""
    with chain(network, address, upstream=upstream) as asked:
        network.install(RESOLV_CONF, nameservers=[address, upstream])
        assert udp(network, n.APP, address) == "mesh"
        assert asked() == (1, 1, 1)
        assert udp(network, n.APP, upstream) == "mesh"


@pytest.mark.parametrize("address, at", [
    ("127.0.0.1", "0.0.0.0"), ("127.1.2.3", "0.0.0.0"), (n.VM, "0.0.0.0"), ("::1", "::"), (n.VM6, "::")])
def test_a_resolver_at_every_address(network, address, at):
    with chain(network, address, at=at) as asked:
        network.install(ALL, nameservers=[address])
        assert udp(network, n.APP, address) == "mesh"
        assert asked() == (1, 1, 1)


def test_it_is_said_once_whose_queries_are_not_captured(network):
    with chain(network, "127.0.0.53"):
        done = network.run("install", config=network.config(ALL, nameservers=["127.0.0.53"]))
    lines = [line for line in done.stderr.splitlines() if "127.0.0.53" in line]
    assert len(lines) == 1 and "(1234)" in lines[0], done.stderr


def test_a_resolver_that_is_root_spares_what_root_asks_elsewhere(network):
    with chain(network, "127.0.0.53", user=0) as asked:
        network.install(ALL, nameservers=["127.0.0.53"])
        assert udp(network, n.APP, "127.0.0.53") == "mesh"
        assert asked() == (1, 1, 1)
        assert udp(network, 0, "127.0.0.53") == "mesh"  # others of that user, as usual
        assert udp(network, n.APP, n.FAR) == "mesh"


KEEPS_IT = """
import os, socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.53", 53))
ready, said = os.pipe()
if os.fork() == 0:
    os.setgid(1234)
    os.setuid(1234)
    os.write(said, b"x")
os.read(ready, 1)
os.write(said, b"x")
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_process_of_root_that_keeps_the_socket_is_not_the_resolver(network):
    """As a service manager, or the half of a resolver that stays root."""
    process = network.vm_namespace.start("/usr/bin/python3", "-c", KEEPS_IT,
                                         stdin=subprocess.PIPE)
    try:
        process.wait_ready(lambda: process.output().count("ready") == 2, "both processes")
        done = network.run("install", config=network.config(ALL, nameservers=["127.0.0.53"]))
        assert "of its user (1234) are not captured" in done.stderr
        assert not re.search("skuid 0|uid-owner 0", network.rules())
    finally:
        process.popen.stdin.close()
        process.wait()


def test_nobody_answers_there_yet(network):
    path = network.config(ALL, nameservers=["127.0.0.53"])
    done = network.run("install", config=path)
    assert done.returncode == 0
    assert "nameserver 127.0.0.53 is on this machine, and nobody answers there" in done.stderr
    with chain(network, "127.0.0.53"):
        assert network.run("status", config=path).returncode == 2
        assert network.run("install", config=path).returncode == 0
        assert network.run("status", config=path).returncode == 0


def untouched(network):
    """The rules with what tells them from others of the same words: nftables' handles."""
    if network.engine:
        return [line for line in network.rules().splitlines() if "MESHGATE" in line]
    return network.vm_namespace.run("nft", "-a", "list", "table", "inet", "meshgate")


def test_a_resolver_that_is_restarted_is_spared_all_the_while(network):
    """That nobody answers at the moment is no reason to capture what will be asked."""
    path = network.config(ALL, nameservers=["127.0.0.53"])
    with chain(network, "127.0.0.53"):
        assert network.run("install", config=path).returncode == 0
    table = untouched(network)
    assert network.run("status", config=path).returncode == 0
    assert network.run("diff", config=path).stdout == ""
    assert network.run("install", config=path).returncode == 0
    assert untouched(network) == table
    other = network.config(ALL + "[redirect.inbound]\nexclude_ports = [22]\n",
                           nameservers=["127.0.0.53"])
    done = network.run("install", config=other)
    assert "(1234) are not captured" in done.stderr and "nobody answers" not in done.stderr
    with chain(network, "127.0.0.53") as asked:
        assert udp(network, n.APP, "127.0.0.53") == "mesh"
        assert asked() == (1, 1, 1)


def test_an_exempt_user_needs_no_notice(network):
    with chain(network, "127.0.0.53"):
        done = network.run("install", config=network.config(
            ALL, nameservers=["127.0.0.53"], base=n.BASE + "exempt_users = [1234]\n"))
        assert "nameserver" not in done.stderr


# --- what resolv.conf may be ---------------------------------------------------------------------


@pytest.mark.parametrize("nameservers, missing", [
    ([n.OUTSIDE], ["IPv6"]), ([n.OUTSIDE6], ["IPv4"]),
    ([n.OUTSIDE, n.OUTSIDE6, n.FAR], []), ([], ["IPv4", "IPv6"])])
def test_the_listed_servers_of_both_families(network, nameservers, missing):
    path = network.config('[redirect.dns]\nenabled = true\n', nameservers=nameservers)
    done = network.run("install", config=path)
    assert done.returncode == 0, done.stderr
    for server in (n.OUTSIDE, n.OUTSIDE6, n.FAR, n.FAR6):
        expected = "resolver" if server in nameservers else "outside"
        assert udp(network, n.APP, server) == expected, server
    for family in ("IPv4", "IPv6"):
        said = f"{family} DNS is not captured" in done.stderr
        assert said == (family in missing), done.stderr


def test_a_missing_resolv_conf(network):
    """Nothing can be listed: said, and the rest is captured."""
    path = network.write(f'resolv_conf = "{network.folder}/none"\n{n.BASE}'
                         '[redirect.dns]\nenabled = true\n')
    done = network.run("install", config=path)
    assert done.returncode == 0 and "/none cannot be read: " in done.stderr
    assert udp(network, n.APP, n.OUTSIDE) == "outside"
    assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outbound"
    assert network.run("status", config=path).returncode == 0
    path.write_text(path.read_text() + 'capture = "all"\n')
    assert network.run("install", config=path).returncode == 0
    assert udp(network, n.APP, n.OUTSIDE) == "resolver"


def test_a_changed_resolv_conf_is_seen_and_put_right(network):
    """DHCP or a VPN writes it anew: until the next install, queries to the new server go straight."""
    path = network.install(RESOLV_CONF.replace("port = 15055\n", ""), nameservers=[n.OUTSIDE])
    resolv_conf = next(line.split('"')[1] for line in path.read_text().splitlines()
                       if line.startswith("resolv_conf"))
    with open(resolv_conf, "w") as file:
        file.write(f"nameserver {n.FAR}\nnameserver {n.FAR6}\n")
    assert network.run("status", config=path).returncode == 2
    diff = network.run("diff", config=path)
    assert diff.returncode == 2 and n.FAR in diff.stdout and n.OUTSIDE in diff.stdout
    assert udp(network, n.APP, n.FAR) == "outside"
    assert network.run("install", config=path).returncode == 0
    assert [udp(network, n.APP, server) for server in (n.FAR, n.FAR6, n.OUTSIDE)] == (
        ["resolver", "resolver", "outside"])
    assert network.run("status", config=path).returncode == 0


def test_a_scoped_server(network):
    """fe80::1%up0 is captured on that interface only; the same address elsewhere is another
    machine. (Linux 6.18 brings no answer back to a redirected link-local question: counted.)"""
    vm = network.vm_namespace
    done = network.run("install", config=network.config(
        '[redirect.dns]\nenabled = true\n', nameservers=[f"fe80::1%{n.UPLINK}", n.OUTSIDE]))
    assert done.returncode == 0 and "is link-local" in done.stderr
    send = ("import socket, sys\n"
            "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\n"
            "s.sendto(b'query', ('fe80::1', 53, 0, socket.if_nametoindex(sys.argv[1])))\n")

    def counted():
        if network.engine:
            backend = "legacy" if "legacy" in network.engine else "nft"
            saved = vm.run(f"ip6tables-{backend}-save", "-c", "-t", "nat")
            rule, = [line for line in saved.splitlines() if "-d fe80::1/128" in line]
            assert f"-o {n.UPLINK} " in rule and "REDIRECT --to-ports 15053" in rule
            return int(rule[1:].split(":")[0])
        listing = vm.run("nft", "list", "chain", "inet", "meshgate", "output")
        rule = next(line for line in listing.splitlines() if "fe80::1" in line)
        assert f'oifname "{n.UPLINK}"' in rule
        assert 'counter name "captured_dns"' in rule
        counters = json.loads(network.run("status", "--json").stdout)["counters"]
        return counters["captured_dns"]["packets"]

    vm.run("/usr/bin/python3", "-c", send, n.DOWNLINK, uid=n.APP)
    assert counted() == 0
    vm.run("/usr/bin/python3", "-c", send, n.UPLINK, uid=n.APP)
    assert counted() == 1
    assert udp(network, n.APP, n.OUTSIDE) == "resolver"  # the other servers as ever
