"""The kernel's log of what is captured: a line for each connection, for what is captured only."""

import json
import re

import network as n
import pytest

ENGINES = n.ENGINES

PREFIX = '[redirect]\nlog_prefix = "mesh %s: "\n'
RULE = re.compile(r'counter name "(\w+)" (log prefix "mesh %s: " level debug )?redirect to :(\d+)')


def redirects(network):
    """{port: packets} of the rules that capture; each of them logs or none does."""
    listing = network.vm_namespace.run("nft", "list", "table", "inet", "meshgate")
    found = RULE.findall(listing)
    assert len(found) == listing.count(" redirect to :")
    assert listing.count("log prefix") in (0, len(found))
    counters = json.loads(network.run("status", "--json").stdout)["counters"]
    return ({port: counters[cause]["packets"] for cause, _, port in found},
            "log prefix" in listing)


@pytest.mark.nftables_only
def test_a_line_for_each_captured_connection_and_query(network):
    """The log itself belongs to the host's own namespace (net.netfilter.nf_log_all_netns): what is
    seen here is the statement's place. It stands between the counter and the redirect of one rule,
    so it is passed as often as the counter counts."""
    path = network.install(PREFIX + n.DNS_ALL)
    for address in (n.FAR, n.FAR6):
        assert network.vm.tcp(uid=n.APP, to=[address, 80], count=3)["name"] == "outbound"
        assert network.vm.udp(uid=n.APP, to=[address, 53])["name"] == "resolver"
        assert network.vm.tcp(uid=n.PROXY, to=[address, 80])["name"] == "outside"
        assert network.vm.udp(uid=n.PROXY, to=[address, 53])["name"] == "outside"
    assert network.outside.tcp(uid=0, to=[n.VM, 8080])["name"] == "inbound"
    assert redirects(network) == ({"15001": 6, "15053": 2, "15006": 1}, True)
    assert network.run("status", config=path).returncode == 0


@pytest.mark.nftables_only
def test_no_prefix_no_logging(network):
    network.install()
    assert redirects(network) == ({"15001": 0, "15006": 0}, False)


def test_a_changed_prefix_is_installed(network):
    network.install(PREFIX)
    path = network.config(PREFIX.replace("mesh", "other"))
    diff = network.run("diff", config=path)
    assert diff.returncode == 2 and 'log prefix "other %s: "' in diff.stdout
    assert network.run("install", config=path).returncode == 0
    assert network.run("diff", config=path).stdout == ""
