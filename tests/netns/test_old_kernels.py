"""Kernels that lack something, played by libraries that have it refused by the real kernel, with the
error that the old one would give: what doctor says, what install and guard do."""

import json

import network as n
import pytest
from guarding import Guard
from test_doctor import CONFIG, library

FLAGS = {"no owner": "0x2", "no persist": "0x4", "neither": "0x6"}
REPAIRED = "others can change the rules; it repairs what they do"
# What is missing; what is said of it; whether an install can do without.
STATEMENTS = {
    "fib": ("lookups of the address type (CONFIG_NFT_FIB_INET): inbound traffic", False),
    "objref": ("named counters (Linux 4.10, CONFIG_NFT_COUNTER, CONFIG_NFT_OBJREF)", False),
    "log": ("logging (CONFIG_NFT_LOG, CONFIG_NF_LOG_SYSLOG): redirect.log_prefix", True),
    "redir": ("NAT and redirect for inet (Linux 5.2, CONFIG_NFT_NAT, CONFIG_NFT_REDIR)", False),
}
NFTABLES = '[redirect]\nengine = "nftables"\n'


def older(network, name, **variables):
    """The words before a program that put it on such a kernel."""
    return ["env", f"LD_PRELOAD={library(network, name)}",
            *(f"{key}={value}" for key, value in variables.items())]


def on(network, kernel, *words, config):
    return network.vm_namespace.try_run(*kernel, network.redirect, *words, "--config", config)


def findings_on(network, kernel, config):
    done = on(network, kernel, "doctor", "--json", config=config)
    return {one["code"]: one for one in json.loads(done.stdout)["findings"]}


@pytest.mark.parametrize("flags", FLAGS)
def test_a_guard_that_cannot_hold_the_table_repairs_it(network, flags):
    kernel = older(network, "old_flags", UNKNOWN_FLAGS=FLAGS[flags])
    with Guard(network, CONFIG, wrapper=kernel) as guard:
        assert guard.metrics()["meshgate_guard_holds_rules"] == 0
        findings = findings_on(network, kernel, guard.path)
        assert set(findings) == {"MG112"} and findings["MG112"]["details"][1] == REPAIRED
        before = network.vm_namespace.run("nft", "-s", "list", "table", "inet", "meshgate")
        assert "flags owner" not in before and "persist" not in before
        network.vm_namespace.run("nft", "flush", "ruleset")
        guard.wait_for('meshgate_guard_repairs_total{program="nft"}')
        assert network.vm_namespace.run("nft", "-s", "list", "table", "inet", "meshgate") == before
        assert findings_on(network, kernel, guard.path).keys() == {"MG112"}
        assert on(network, kernel, "uninstall", config=guard.path).returncode == 0
    assert network.vm_namespace.run("nft", "list", "ruleset") == ""


@pytest.mark.parametrize("flags", FLAGS)
def test_a_packet_is_traced_without_the_owner_flag(network, flags):
    path = network.install(CONFIG)
    done = on(network, older(network, "old_flags", UNKNOWN_FLAGS=FLAGS[flags]), "explain", "--trace",
              "--user", n.APP, "tcp", f"{n.FAR}:80", config=path)
    assert done.returncode == 0 and "redirect to :15001" in done.stdout, done.stdout + done.stderr
    assert "meshgate-trace" not in network.vm_namespace.run("nft", "list", "tables")


def test_many_endpoints_are_found_without_their_count(network):
    many = [f"10.{100 + number}.{service}.1:80" for service in range(200) for number in range(4)]
    text = 'state = "{}"\n'.format(network.folder / "many.vips") + "".join(
        f'[[service]]\nname = "s{at}"\nendpoints = {json.dumps(many[4 * at:4 * at + 4])}\n'
        for at in range(200))
    path = network.config(f'[vip]\nmode = "kernel"\n{text}')
    kernel = older(network, "no_counts")
    for verb, code in (("install", 0), ("status", 0), ("diff", 0)):
        assert on(network, kernel, verb, config=path).returncode == code
    path.write_text(path.read_text().replace("10.101.77.1:80", "10.99.77.1:80"))
    changed = on(network, kernel, "diff", config=path)
    assert changed.returncode == 2 and changed.stdout.count("10.99.77.1") == 1, changed.stdout
    assert on(network, kernel, "install", config=path).returncode == 0
    listed = network.vm_namespace.run("nft", "list", "map", "inet", "meshgate", "vip_tcp4_endpoints")
    assert listed.count(" : 10.") == 800 and listed.count(" : 10.99.77.1 . 80") == 1
    assert on(network, kernel, "uninstall", config=path).returncode == 0
    assert network.vm_namespace.run("nft", "list", "ruleset") == ""


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_that_is_missing_is_said_and_nothing_half_is_installed(network, statement):
    words, can_do_without = STATEMENTS[statement]
    kernel = older(network, "no_statement", WITHOUT=statement)
    path = network.config(NFTABLES + CONFIG)
    details = findings_on(network, kernel, path)["MG105"]["details"]
    assert any(line.startswith(f"this kernel has no {words}") for line in details), details
    done = on(network, kernel, "install", config=path)
    assert (done.returncode == 0) == can_do_without, done.stderr
    tables = network.vm_namespace.run("nft", "list", "tables")
    assert ("inet meshgate\n" in tables) == can_do_without and "trial" not in tables
    network.run("uninstall", config=path)
    guard = network.vm_namespace.try_run("timeout", "2", *kernel, network.redirect, "guard",
                                         "--config", path)
    if not can_do_without:
        assert guard.returncode == 1 and guard.stderr.count("meshgate-redirect") >= 1, guard.stderr
        assert network.vm_namespace.run("nft", "list", "tables") == ""
