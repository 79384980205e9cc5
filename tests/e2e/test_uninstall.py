"""What install does, uninstall takes away, and nothing else."""

import json
import re

import mesh as m
import pytest

FOREIGN_NFT = """
table inet foreign {
  set ports { type inet_service; flags interval; elements = { 100-200 }; }
  chain output {
    type filter hook output priority 0; policy accept;
    tcp dport @ports counter accept
  }
}
table ip foreign_nat {
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.11 udp dport 53 counter dnat to 127.0.0.11:41234
  }
}
"""

FOREIGN_IPTABLES = """*nat
:DOCKER_OUTPUT - [0:0]
-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
-A DOCKER_OUTPUT -p tcp -m tcp --dport 53 -m comment --comment "meshgate is not mine" -j RETURN
COMMIT
*filter
-A INPUT -p tcp -m tcp --dport 2222 -j DROP
COMMIT
"""

# Values that the kernel changes by itself.
RESTLESS_SYSCTL = re.compile(r"nf_conntrack_count|\.stable_secret|inode|\.mtu_expires")


def without_counters(node):
    """An nftables JSON value less its packet and byte counts."""
    if isinstance(node, list):
        return [without_counters(item) for item in node]
    if isinstance(node, dict):
        return {key: without_counters(value) for key, value in node.items()
                if key not in ("packets", "bytes")}
    return node


def iptables_text(namespace, program):
    text = namespace.run(program)
    lines = [re.sub(r"\[\d+:\d+\]", "", line) for line in text.splitlines()
             if not line.startswith("#")]
    return [line for line in lines if line]


def snapshot(namespace):
    """Everything that install could have changed, by what prints it."""
    state = {"nft": without_counters(namespace.json("nft", "-j", "list", "ruleset"))}
    for program in ("iptables-save", "ip6tables-save"):
        state[program] = iptables_text(namespace, program)
    state["addresses"] = namespace.json("ip", "-j", "address")
    for family in ("-4", "-6"):
        state[f"rules {family}"] = namespace.json("ip", "-j", family, "rule")
        state[f"routes {family}"] = namespace.json("ip", "-j", family, "route", "show",
                                                   "table", "all")
    state["sysctl"] = [line for line in namespace.try_run("sysctl", "-a", "--pattern", "^net")
                       .stdout.splitlines() if not RESTLESS_SYSCTL.search(line)]
    return state


@pytest.fixture
def furnished(new_mesh, routed):
    """A mesh, not installed yet, beside what other programs and people have put there."""
    mesh = new_mesh(default_route=routed)
    mesh.build_network()
    mesh.write_config()
    mesh.start_dns()
    mesh.start_envoy()
    mesh.vm.run("nft", "-f", "-", input=FOREIGN_NFT)
    for restore in ("iptables-restore", "ip6tables-restore"):
        text = FOREIGN_IPTABLES
        if restore == "ip6tables-restore":
            text = text.replace("127.0.0.11/32", "fd99::11/128")
        mesh.vm.run(restore, "--noflush", input=text)
    mesh.vm.run("ip", "address", "add", "fd99::1/128", "dev", "lo")
    mesh.vm.run("ip", "rule", "add", "fwmark", "0x99", "lookup", "99")
    mesh.vm.run("ip", "route", "add", "203.0.113.0/24", "dev", m.SERVICE_LINK, "table", "99")
    mesh.vm.run("ip", "route", "add", "198.51.100.0/24", "dev", m.SERVICE_LINK)
    return mesh


def use(mesh):
    assert mesh.curl("http://backend.mesh/").returncode == 0
    reply = mesh.curl(f"http://{m.VM_ADDRESS}:8080/", namespace=mesh.remote)
    assert reply.returncode == 0


def test_uninstall_leaves_everything_as_it_was_with_foreign_tables_there(furnished):
    before = snapshot(furnished.vm)
    furnished.install()
    use(furnished)
    assert snapshot(furnished.vm) != before
    furnished.uninstall()
    assert snapshot(furnished.vm) == before


def test_uninstall_cleans_up_after_somebody_flushed_the_ruleset(furnished):
    before = snapshot(furnished.vm)
    furnished.install()
    use(furnished)
    furnished.vm.run("nft", "flush", "ruleset")
    flushed = snapshot(furnished.vm)
    furnished.uninstall()
    after = snapshot(furnished.vm)
    for what in ("nft", "iptables-save", "ip6tables-save"):
        assert after[what] == flushed[what], what
    for what in ("addresses", "rules -4", "rules -6", "routes -4", "routes -6", "sysctl"):
        assert after[what] == before[what], what


def test_an_address_of_the_passthrough_that_was_there_before_stays(furnished):
    furnished.vm.run("ip", "address", "add", "::6/128", "dev", "lo")
    before = snapshot(furnished.vm)
    furnished.install()
    furnished.uninstall()
    assert snapshot(furnished.vm) == before


def test_a_second_install_changes_nothing(furnished):
    furnished.install()
    use(furnished)
    before = snapshot(furnished.vm)  # with the handles, which any replacement would change
    rules = furnished.vm.run("nft", "-a", "list", "table", "inet", "meshgate")
    furnished.install()
    assert furnished.vm.run("nft", "-a", "list", "table", "inet", "meshgate") == rules
    assert snapshot(furnished.vm) == before


def test_install_repairs_what_somebody_flushed(furnished):
    furnished.install()
    furnished.vm.run("nft", "flush", "ruleset")
    assert furnished.redirect("status").returncode == 3
    furnished.install()
    assert furnished.redirect("status").returncode == 0
    use(furnished)


def test_status_and_uninstall_of_what_is_not_there(furnished):
    assert furnished.redirect("status").returncode == 3
    state = json.loads(furnished.redirect("status", "--json").stdout)
    assert state["schema"] == "meshgate-redirect.status/1" and state["state"] == "absent"
    before = snapshot(furnished.vm)
    furnished.uninstall()
    assert snapshot(furnished.vm) == before
