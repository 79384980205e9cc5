"""A kernel without conntrack zones, played by a library that has the zone refused."""

import subprocess

import network as n
import pytest

CONFIG = n.DNS_ALL + '[[redirect.network]]\ninterface = "lan0"\ncidr = "10.66.2.0/24"\n'


@pytest.fixture
def run(network):
    """meshgate-redirect on such a kernel."""
    library = network.folder / "no_zones.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, n.HERE / "no_zones.c", "-lnftnl",
                        "-ldl"], check=True)

    def run(*words, config):
        return network.vm_namespace.try_run("env", f"LD_PRELOAD={library}", network.redirect,
                                            *words, "--config", config)

    return run


def test_the_capture_is_installed_without_a_zone_and_it_is_said(network, run):
    path = network.config(CONFIG)
    done = run("install", config=path)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "CONFIG_NF_CONNTRACK_ZONES" in line]
    assert len(said) == 1 and "lost" in said[0], done.stderr
    table = network.vm_namespace.run("nft", "-a", "list", "table", "inet", "meshgate")
    assert "zone" not in table and "redirect to :15053" in table
    for server in (n.FAR, n.FAR6):
        assert network.vm.udp(uid=n.APP, to=[server, 53])["name"] == "resolver"
        assert network.vm.tcp(uid=n.APP, to=[server, 53])["name"] == "resolver"
        assert network.vm.udp(uid=n.PROXY, to=[server, 53])["name"] == "outside"
    assert network.client.udp(uid=0, to=[n.FAR, 53])["name"] == "resolver"


def test_it_is_as_installed_from_then_on(network, run):
    path = network.config(CONFIG)
    assert run("install", config=path).returncode == 0

    def table():
        return network.vm_namespace.run("nft", "-a", "list", "table", "inet", "meshgate")

    before = table()  # with its handle, which a replacement does not keep
    assert run("status", config=path).returncode == 0
    diff = run("diff", config=path)
    assert (diff.returncode, diff.stdout) == (0, "")
    assert run("install", config=path).returncode == 0
    assert table() == before
    # The day that the kernel has zones, the same configuration means them again.
    assert network.run("status", config=path).returncode == 2
    assert network.run("install", config=path).returncode == 0
    assert "zone" in table()


def test_without_captured_udp_nothing_is_said(network, run):
    done = run("install", config=network.config(n.DNS_ALL.replace('"udp", ', "")))
    assert done.returncode == 0 and "ZONES" not in done.stderr
