"""A real firewalld beside ours: it reloads, restarts and forwards ports; nothing of either is lost."""

import pathlib
import shutil
import subprocess
import tempfile

import firewalld as f
import network as n
import pytest

pytestmark = pytest.mark.skipif(bool(f.missing()), reason=f"missing: {', '.join(f.missing())}")

FORWARD = "port=8443:proto=tcp:toport=8080"
FORWARD_FAR = "port=8444:proto=tcp:toport=80:toaddr=" + n.CLIENT
CHANGES = {"reload": lambda firewalld: firewalld.cmd("--reload"),
           "complete reload": lambda firewalld: firewalld.cmd("--complete-reload"),
           "restart": lambda firewalld: firewalld.restart()}


@pytest.fixture
def firewalld(network, request):
    with tempfile.TemporaryDirectory() as folder:
        rfc3964 = getattr(request, "param", "no")
        with f.Firewalld(network.vm_namespace, pathlib.Path(folder), rfc3964) as running:
            for port in (80, 8080):
                running.cmd("--permanent", f"--add-port={port}/tcp")
            running.cmd("--permanent", f"--add-forward-port={FORWARD}")
            running.cmd("--permanent", f"--add-forward-port={FORWARD_FAR}")
            running.cmd("--reload")
            yield running


def table(network):
    """Our table with the handles of its objects: the same only if nobody touched it."""
    text = network.vm_namespace.run("nft", "-a", "-s", "list", "table", "inet", "meshgate")
    assert "redirect to" in text
    return text


def landings(network):
    """Where the connections and queries go that matter."""
    def tcp(agent, uid, address, port):
        answer = agent.tcp(uid=uid, to=[address, port])
        return answer.get("name") or answer["error"]

    return {"outbound": tcp(network.vm, n.APP, n.FAR, 80),
            "outbound, IPv6": tcp(network.vm, n.APP, n.FAR6, 80),
            "the proxy's own": tcp(network.vm, n.PROXY, n.FAR, 80),
            "inbound": tcp(network.outside, 0, n.VM, 8080),
            "inbound, IPv6": tcp(network.outside, 0, n.VM6, 8080),
            "a forwarded port": tcp(network.outside, 0, n.VM, 8443),
            "DNS": network.vm.udp(uid=n.APP, to=[n.FAR, 53]).get("name")}


EXPECTED = {"outbound": "outbound", "outbound, IPv6": "outbound", "the proxy's own": "outside",
            "inbound": "inbound", "inbound, IPv6": "inbound", "a forwarded port": "service",
            "DNS": "resolver"}


@pytest.mark.parametrize("change", CHANGES)
def test_our_table_survives(network, firewalld, change):
    path = network.install(n.DNS_ALL)
    before = table(network)
    assert landings(network) == EXPECTED
    CHANGES[change](firewalld)
    assert table(network) == before
    assert landings(network) == EXPECTED
    assert network.run("status", config=path).returncode == 0


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_leaks_while_firewalld_changes(network, firewalld, change):
    network.install(n.DNS_ALL)
    network.vm.begin("load", uid=n.APP, tcp_to=[n.FAR, 80], udp_to=[n.FAR, 53], seconds=120)
    CHANGES[change](firewalld)
    network.vm.begin("nothing")
    counts = network.vm.end()
    network.vm.end()
    assert counts["tcp"]["outbound"] > 0
    assert "outside" not in {*counts["tcp"], *counts["udp"]}, counts
    assert not [line for line in network.seen_outside() if "tcp" in line]


def test_firewalld_keeps_its_rules_when_ours_come_and_go(network, firewalld):
    def theirs():
        return network.vm_namespace.run("nft", "-a", "-s", "list", "table", "inet", "firewalld")

    before = theirs()
    paths = [network.config(n.DNS_ALL + f"[redirect.inbound]\nexclude_ports = {ports}\n")
             for ports in ("[22]", "[22, 2222]")]
    for number in range(21):
        done = network.run("install", config=paths[number % 2])
        assert done.returncode == 0, done.stderr
        assert theirs() == before, number
    assert network.run("install", config=paths[0]).returncode == 0  # a no-op
    assert network.run("uninstall").returncode == 0
    assert theirs() == before


def test_a_host_starts(network, firewalld):
    """The units' commands in their order: nftables.service, firewalld.service, then ours; and what
    `systemctl reload nftables` does later, with the install that the unit propagates."""
    flush = network.write("#!/usr/sbin/nft -f\nflush ruleset\n", "nftables.conf")
    firewalld.daemon.stop()
    network.vm_namespace.run("nft", "-f", flush)
    firewalld.start()
    path = network.install(n.DNS_ALL)
    assert landings(network) == EXPECTED
    network.vm_namespace.run("nft", "-f", flush)
    assert network.run("status", config=path).returncode == 3
    firewalld.restart()
    assert network.run("install", config=path).returncode == 0
    assert landings(network) == EXPECTED


@pytest.mark.parametrize("firewalld", ["yes"], indirect=True)
def test_what_firewalld_rejects_is_said(network, firewalld):
    """By default it rejects what goes to ::/96, where ::1 is: nothing of ours can change that."""
    done = network.run("install", config=network.config())
    assert done.returncode == 0
    assert "Set RFC3964_IPv4=no in /etc/firewalld/firewalld.conf" in done.stderr
    assert network.vm.tcp(uid=n.APP, to=[n.FAR6, 80]) == {"error": "EHOSTUNREACH"}
    network.run("uninstall")
    quiet = network.run("install", config=network.config('[redirect]\nip_family = "ipv4"\n'))
    assert "RFC3964" not in quiet.stderr
    assert network.seen_outside() == []


def test_nothing_is_said_when_firewalld_lets_it_pass(network, firewalld):
    assert "RFC3964" not in network.run("install", config=network.config()).stderr


# --- --store-firewalld ----------------------------------------------------------------------------


@pytest.fixture(params=["nft", "legacy"])
def iptables(network, request):
    """The lines of [redirect] for that back end, whose tables are left empty."""
    network.engine = n.ENGINES[f"iptables-{request.param}"]
    yield request.param
    for six in ("", "6"):
        for name in ("nat", "raw", "mangle"):
            for option in ("-F", "-X"):
                network.vm_namespace.run(f"ip{six}tables-legacy", "-t", name, option)


FOREIGN_RULE = ("ipv4", "filter", "INPUT", "0", "-p", "tcp", "--dport", "9", "-j", "DROP")
# Its forward ports are at dstnat + 10, iptables at dstnat: ours is first, as kumactl's is.
IPTABLES_EXPECTED = {**EXPECTED, "a forwarded port": "inbound"}


@pytest.mark.parametrize("change", CHANGES)
def test_firewalld_loads_the_rules_of_iptables(network, firewalld, iptables, change):
    """With direct rules it empties the tables of iptables and fills them from direct.xml; with the
    back end that it does not speak to, ours are never touched."""
    firewalld.cmd("--permanent", "--direct", "--add-rule", *FOREIGN_RULE)
    direct_xml = firewalld.etc / "direct.xml"
    before = direct_xml.read_text()
    path = network.config(n.DNS_ALL)
    done = network.run("install", "--store-firewalld", config=path)
    assert done.returncode == 0 and "direct.xml" in done.stderr, done.stderr
    assert landings(network) == IPTABLES_EXPECTED
    written = direct_xml.read_text()
    assert 'ipv="ipv4"' in written and 'ipv="ipv6"' in written and "--dport 9" in written
    CHANGES[change](firewalld)
    assert landings(network) == IPTABLES_EXPECTED
    if iptables == "nft":
        status = network.run("status", config=path)
        assert status.returncode == 0, status.stdout
    again = network.run("install", "--store-firewalld", config=path)
    assert (again.returncode, direct_xml.read_text()) == (0, written)
    assert network.run("uninstall").returncode == 0
    assert direct_xml.read_text() == before
    CHANGES[change](firewalld)
    assert "MESHGATE" not in network.vm_namespace.run("iptables-save")


def test_kuma_s_direct_rules_go_with_its_own(network, firewalld, iptables):
    firewalld.cmd("--permanent", "--direct", "--add-rule", *FOREIGN_RULE)
    before = (firewalld.etc / "direct.xml").read_text()
    firewalld.cmd("--permanent", "--direct", "--add-chain", "ipv4", "nat", "KUMA_MESH_INBOUND")
    firewalld.cmd("--permanent", "--direct", "--add-rule", "ipv4", "nat", "PREROUTING", "3", "-p",
                  "tcp", "-j", "KUMA_MESH_INBOUND")
    network.vm_namespace.run(f"iptables-{iptables}", "-t", "nat", "-N", "KUMA_MESH_INBOUND")
    done = network.run("install", "--replace", config=network.config(n.DNS_ALL))
    assert done.returncode == 0 and "out of firewalld's direct.xml" in done.stderr, done.stderr
    left = (firewalld.etc / "direct.xml").read_text()
    assert "KUMA" not in left and left == before


@pytest.mark.parametrize("content", ["no XML", "<direct><rule></direct>", "<zone/>"])
def test_a_broken_direct_xml_is_left_as_it_is(network, firewalld, iptables, content):
    direct_xml = firewalld.etc / "direct.xml"
    direct_xml.write_text(content)
    done = network.run("install", "--store-firewalld", config=network.config(n.DNS_ALL))
    assert done.returncode == 1 and "direct.xml" in done.stderr
    assert direct_xml.read_text() == content
    direct_xml.unlink()


@pytest.fixture
def etc(network):
    """A copy of /etc, so that files can be written there, and a systemctl that notes its words."""
    copy = network.folder / "etc"
    subprocess.run(["cp", "-a", "/etc", copy], check=True)
    shutil.rmtree(copy / "meshgate", ignore_errors=True)
    network.vm_namespace.bind_file(copy, "/etc")
    yield copy
    network.vm_namespace.run("umount", "/etc")
    shutil.rmtree(copy)


def store(network, words, result=0):
    bin_folder = network.folder / "systemctl-bin"
    bin_folder.mkdir(exist_ok=True)
    program = bin_folder / "systemctl"
    noted = bin_folder / "noted"
    noted.write_text("")
    program.write_text(f'#!/bin/sh\necho "$@" >>{noted}\necho "no such unit" >&2\nexit {result}\n')
    program.chmod(0o755)
    done = network.vm_namespace.try_run("env", f"PATH={bin_folder}:/usr/sbin:/usr/bin:/sbin:/bin",
                                        network.redirect, "install", "--store-firewalld", *words)
    return done, noted.read_text()


def test_the_unit_is_enabled_and_gets_its_configuration(network, etc):
    flags = ["--kuma-dp-user", "5678", "--redirect-all-dns-traffic", "--exclude-inbound-ports", "22"]
    done, noted = store(network, flags)
    assert (done.returncode, noted) == (0, "enable meshgate-redirect.service\n"), done.stderr
    assert "exclude_ports = [22]" in (etc / "meshgate" / "meshgate.toml").read_text()
    # As at boot: what the file says is what is installed.
    assert network.run("status").returncode == 0
    assert "already installed" in network.run("install", "--verbose").stderr
    # Again with the same words nothing is to be done; with others the file has the last word.
    done, _ = store(network, flags)
    assert done.returncode == 0
    before = (etc / "meshgate" / "meshgate.toml").read_text()
    done, noted = store(network, ["--kuma-dp-user", "5679"])
    assert (done.returncode, noted) == (1, "") and "says something else" in done.stderr
    assert (etc / "meshgate" / "meshgate.toml").read_text() == before
    assert network.run("status").returncode == 0


def test_a_unit_that_cannot_be_enabled_is_said(network, etc):
    done, noted = store(network, ["--kuma-dp-user", "5678"], result=1)
    assert done.returncode == 1 and noted
    assert "systemctl enable meshgate-redirect.service: no such unit" in done.stderr
