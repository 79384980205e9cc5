"""guard: who damages the rules, on purpose or by the way, finds them as they were."""

import json
import os
import pathlib
import re
import signal
import time

import firewalld as fw
import lab
import network as n
import pytest
from guarding import Guard
from test_lifecycle import handles

FULL = bool(os.environ.get("MESHGATE_FULL"))
LIMIT_S = 1000 if FULL else 120
CAPTURE = n.DNS_ALL + "[redirect.inbound]\nexclude_ports = [22]\n"
OPEN = n.DNS_ALL.replace("[redirect.dns]\n", '[redirect.dns]\non_resolver_down = "open"\n')
REPAIRS = 'meshgate_guard_repairs_total{program="nft"}'


def listing(network):
    return network.vm_namespace.run("nft", "-s", "list", "table", "inet", "meshgate")


def has_table(network):
    return network.vm_namespace.try_run("nft", "list", "table", "inet", "meshgate").returncode == 0


class Load:
    """Connections and queries of an application, one after the other; who answered how often."""

    def __init__(self, network):
        self.network = network

    def __enter__(self):
        self.network.vm.begin("load", uid=n.APP, tcp_to=[n.FAR, 80], udp_to=[n.FAR, 53],
                              seconds=LIMIT_S)
        return self

    def __exit__(self, *_):
        self.network.vm.begin("nothing")
        counts = self.network.vm.end()
        self.network.vm.end()
        self.tcp, self.udp = counts["tcp"], counts["udp"]
        self.all = sum(self.tcp.values()) + sum(self.udp.values())
        self.outside = self.tcp.get("outside", 0) + self.udp.get("outside", 0)
        # Refused or lost: firewalld drops new connections while it reloads.
        right = self.tcp.get("outbound", 0) + self.udp.get("resolver", 0)
        self.failed = self.all - self.outside - right


def can_hold(guard):
    return guard.metrics()["meshgate_guard_holds_rules"] == 1


# --- where the kernel holds the table ---------------------------------------------------------


def test_nobody_else_can_change_the_rules(network):
    with Guard(network, CAPTURE) as guard:
        assert can_hold(guard)
        before = listing(network)
        for words in ("delete table inet meshgate", "flush table inet meshgate",
                      "add rule inet meshgate output return",
                      "add element inet meshgate own_users { 1000 }"):
            assert network.vm_namespace.try_run("nft", *words.split()).returncode != 0, words
        network.vm_namespace.run("nft", "flush", "ruleset")
        assert listing(network) == before
        assert network.run("status", config=guard.path).returncode == 0
        assert not [name for name in guard.metrics() if "repairs_total{" in name]


def test_a_guard_that_is_killed_leaves_the_rules_and_the_next_takes_them_up_untouched(network):
    with Guard(network, CAPTURE) as guard:
        network.vm_namespace.run("nft", "flush", "ruleset")
        before = handles(network)
        guard.process.stop(signal.SIGKILL)
        assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outbound"
        guard.start()
        assert can_hold(guard)
        assert handles(network) == before
        assert network.vm_namespace.try_run("nft", "delete", "table", "inet",
                                            "meshgate").returncode != 0


def test_it_takes_over_what_was_installed_before(network):
    network.install(CAPTURE)
    with Load(network) as load:
        with Guard(network, CAPTURE) as guard:
            assert can_hold(guard)
    assert load.outside == 0, (load.tcp, load.udp)


FLUSHES = {
    "nft-flush-ruleset": "nft flush ruleset",
    # What nftables.service runs, at start, reload and restart.
    "nftables-service": "nft -f {folder}/nftables.conf",
    # The rules of Docker come and go with it, through iptables.
    "docker-restart": "iptables-nft -t nat -F; iptables-nft -t nat -X; iptables-nft -t nat -N DOCKER;"
                      "iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER;"
                      "iptables-nft -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL "
                      "-j DOCKER; iptables-nft -t nat -A DOCKER -i docker0 -j RETURN",
}
NFTABLES_CONF = """#!/usr/sbin/nft -f
flush ruleset
table inet filter {
  chain input { type filter hook input priority filter; }
  chain output { type filter hook output priority filter; }
}
"""


@pytest.mark.parametrize("hold", [True, False], ids=["held", "not-held"])
@pytest.mark.parametrize("what", FLUSHES)
def test_what_empties_the_ruleset_empties_nothing_of_ours(network, what, hold):
    """Under load. Held: nothing is outside of the policy. Not held: it is repaired; how long that
    took and what leaked meanwhile is printed, for the note."""
    (network.folder / "nftables.conf").write_text(NFTABLES_CONF)
    command = FLUSHES[what].format(folder=network.folder)
    rounds = 100 if FULL else 5
    with Guard(network, CAPTURE, hold) as guard:
        before = listing(network)
        with Load(network) as load:
            for number in range(rounds):
                network.vm_namespace.run("sh", "-ec", command)
                if not hold and what != "docker-restart":
                    guard.wait_for(REPAIRS, number + 1)
                    if guard.metrics()["meshgate_guard_backing_off"]:
                        break
        last = guard.metrics()["meshgate_guard_last_repair_seconds"]
        assert listing(network) == before
    print(f"{what}, {'held' if hold else 'not held'}: {load.outside} of {load.all} outside, "
          f"{load.failed} failed, in "
          f"{number + 1} rounds, last repair {1000 * last:.1f} ms")
    if hold or what == "docker-restart":
        assert (load.outside, load.failed) == (0, 0), (load.tcp, load.udp)


@pytest.mark.skipif(fw.missing(), reason=f"missing: {', '.join(fw.missing())}")
@pytest.mark.parametrize("command", ["--reload", "--complete-reload"])
def test_firewalld_leaves_nothing_outside(network, tmp_path, command):
    folder = lab.public_folder("meshgate-firewalld-")
    with fw.Firewalld(network.vm_namespace, folder) as firewalld:
        with Guard(network, CAPTURE) as guard, Load(network) as load:
            for _ in range(20 if FULL else 2):
                firewalld.cmd(command)
        assert load.outside == 0, (load.tcp, load.udp)
        print(f"firewall-cmd {command}: {load.outside} of {load.all} outside, {load.failed} "
              "refused by firewalld itself")
    network.vm_namespace.run("nft", "flush", "ruleset")


# --- where it does not --------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [
    "delete table inet meshgate",
    "flush table inet meshgate",
    "add rule inet meshgate output return",
    "insert rule inet meshgate inbound accept",
    "add element inet meshgate own_users { 1000 }",
    "add chain inet meshgate more",
    "add table inet meshgate { flags dormant; }",
])
def test_damage_is_repaired_and_its_author_is_named(network, damage):
    with Guard(network, CAPTURE, hold=False) as guard:
        before = listing(network)
        network.vm_namespace.run("nft", damage)
        guard.wait_for(REPAIRS)
        assert listing(network) == before
        assert re.search(r"damaged by nft \(process \d+\): repaired", guard.process.output())
        assert network.run("status", config=guard.path).returncode == 0


@pytest.mark.parametrize("backend", ["iptables-nft", "iptables-legacy"])
def test_rules_of_iptables_are_looked_at_by_and_by(network, backend):
    network.engine = n.ENGINES[backend]
    with Guard(network, CAPTURE) as guard:
        before = network.rules()
        network.vm_namespace.run(backend, "-t", "nat", "-F", "MESHGATE_OUTPUT")
        assert network.vm.tcp(uid=n.APP, to=[n.FAR, 80])["name"] == "outside"
        lab.wait_until(lambda: network.run("status", config=guard.path).returncode == 0, "repair")
        assert re.sub(r"\[.*?\]|#.*", "", network.rules()) == re.sub(r"\[.*?\]|#.*", "", before)
        assert network.run("uninstall").returncode == 0


def test_an_address_and_a_route_are_put_back(network):
    with Guard(network, CAPTURE + '[vip]\nipv6 = "fd00:fd00::/64"\n') as guard:
        vm = network.vm_namespace
        for words in ("-6 address del ::6/128 dev lo", "-4 route del 240.0.0.0/4 dev lo",
                      "-6 route del fd00:fd00::/64 dev lo"):
            if vm.try_run("ip", *words.split()).returncode != 0:
                continue  # a default route covers it: none was needed
            lab.wait_until(lambda: network.run("status", config=guard.path).returncode == 0, words)
        assert guard.metrics()["meshgate_guard_routing_repairs_total"] >= 1


def test_a_fight_is_given_up_slowly(network):
    with Guard(network, CAPTURE, hold=False) as guard:
        for _ in range(200):
            network.vm_namespace.try_run("nft", "delete", "table", "inet", "meshgate")
            if guard.metrics()["meshgate_guard_backing_off"]:
                break
        metrics = guard.metrics()
        assert metrics["meshgate_guard_backing_off"] == 1
        assert metrics[REPAIRS] < 50
        status, reasons = guard.ask("/readyz")
        assert status == 503 and "again and again" in reasons
        lab.wait_until(lambda: has_table(network), "the last repair")


def test_a_second_guard_is_refused(network):
    with Guard(network, CAPTURE) as guard:
        done = network.run("guard", config=guard.path)
        assert done.returncode == 1 and "another guard" in done.stderr


# --- the machine changes -------------------------------------------------------------------------


def test_a_changed_resolv_conf_changes_elements_and_no_rule(network):
    text = '[redirect.dns]\nenabled = true\nprotocols = ["udp", "tcp"]\n'
    with Guard(network, text, nameservers=("192.0.2.53",)) as guard:
        rules = [each for each in handles(network) if each[0] == "rule"]
        resolv_conf = pathlib.Path(re.search(r'resolv_conf = "(.*)"', guard.path.read_text())[1])
        assert network.vm.udp(uid=n.APP, to=[n.FAR, 53])["name"] == "outside"
        resolv_conf.write_text(f"nameserver 192.0.2.53\nnameserver {n.FAR}\n")
        guard.wait_for("meshgate_guard_element_updates_total")
        assert network.vm.udp(uid=n.APP, to=[n.FAR, 53])["name"] == "resolver"
        assert [each for each in handles(network) if each[0] == "rule"] == rules
        assert network.run("status", config=guard.path).returncode == 0
        # Another family has rules of its own.
        resolv_conf.write_text(f"nameserver {n.FAR}\nnameserver {n.FAR6}\n")
        guard.wait_for("meshgate_guard_replacements_total")
        assert network.vm.udp(uid=n.APP, to=[n.FAR6, 53])["name"] == "resolver"


@pytest.mark.parametrize("state", ["closed", "open"])
def test_dns_goes_direct_while_nobody_answers_if_so_configured(network, state):
    text = OPEN.replace('"open"', f'"{state}"').replace(
        'enabled = true', 'enabled = true\nport = 15055')
    with Guard(network, text) as guard:
        def ask():
            return network.vm.udp(uid=n.APP, to=[n.FAR, 53]).get("name")

        if state == "open":
            guard.wait_for("meshgate_guard_dns_open")
            assert ask() == "outside"
            assert network.vm.tcp(uid=n.APP, to=[n.FAR, 53])["name"] == "outside"
            assert network.run("status", config=guard.path).returncode == 0
        else:
            assert ask() is None
        with network.serving(uid=n.PROXY, name="second", tcp=[15055], udp=[15055]):
            if state == "open":
                lab.wait_until(lambda: guard.metrics()["meshgate_guard_dns_open"] == 0, "closing")
            assert ask() == "second"
        if state == "open":
            guard.wait_for("meshgate_guard_dns_open")
            assert ask() == "outside"


# --- the other verbs -------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", [True, False], ids=["held", "not-held"])
def test_install_and_uninstall_go_through_it(network, hold):
    with Guard(network, CAPTURE, hold) as guard:
        other = network.config(n.DNS_ALL + "[redirect.outbound]\nexclude_ports = [3306]\n")
        done = network.run("install", config=other)
        assert done.returncode == 0, done.stderr
        assert network.run("status", config=other).returncode == 0
        assert can_hold(guard) == hold
        rules = listing(network)
        network.vm_namespace.run("nft", "flush", "ruleset")
        lab.wait_until(lambda: has_table(network) and listing(network) == rules, "the repair")
        assert network.run("uninstall").returncode == 0
        assert not has_table(network)
        assert guard.ask("/readyz") == (503, "nothing is installed\n")
        assert network.run("install", config=guard.path).returncode == 0
        lab.wait_until(guard.is_ready, "the guard")
        assert can_hold(guard) == hold


@pytest.mark.parametrize("end", ["confirmed", "undone", "in-vain"])
def test_an_install_is_confirmed_or_not_under_a_guard(network, end):
    with Guard(network, CAPTURE) as guard:
        before = listing(network)
        other = network.config(n.DNS_ALL + "[redirect.outbound]\nexclude_ports = [3306]\n")
        ssh = f"SSH_CONNECTION={n.OUTSIDE} 50000 {n.VM} 8080"
        time_s = "1s" if end == "in-vain" else "60s"
        done = network.vm_namespace.try_run("env", ssh, network.redirect, "install", "--confirm",
                                            time_s, "--config", other)
        assert done.returncode == 0, done.stderr
        if end == "confirmed":
            assert can_hold(guard)
            assert network.outside.tcp(uid=n.APP, to=[n.VM, 8080])["name"] == "service"
            assert network.run("confirm").returncode == 0
            assert network.run("diff", config=other).stdout == ""
        elif end == "undone":
            assert network.run("confirm", "--undo").returncode == 0
        if end != "confirmed":
            lab.wait_until(lambda: listing(network) == before, "the previous rules")
        lab.wait_until(guard.is_ready, "the guard")
        assert can_hold(guard)


def test_an_install_that_dies_leaves_what_was_guarded(network):
    with Guard(network, CAPTURE) as guard:
        before = listing(network)
        other = network.config(n.DNS_ALL + "[redirect.outbound]\nexclude_ports = [3306]\n")
        for delay in (0.0, 0.01, 0.02, 0.04, 0.08):
            process = network.vm_namespace.start(network.redirect, "install", "--config", other)
            time.sleep(delay)  # the instant is what varies
            process.stop(signal.SIGKILL)
            lab.wait_until(guard.is_ready, "the guard")
            if network.run("status", config=other).returncode == 0:
                assert network.run("install", config=guard.path).returncode == 0
            assert listing(network) == before


def test_others_are_not_heard(network):
    """Whoever connects to the guard's socket without privilege gets nothing, and stops nothing."""
    with Guard(network, CAPTURE) as guard:
        name = re.search(r"@(meshgate-redirect/guard/\d+)",
                         network.vm_namespace.run("cat", "/proc/net/unix"))[1]
        client = ("import socket\n"
                  "s = socket.socket(socket.AF_UNIX)\n"
                  f"s.connect('\\0{name}')\n"
                  "s.sendall(b'let go mine (process 1)\\n')\n"
                  "s.settimeout(10)\n"
                  "print(s.recv(100))\n")
        done = network.vm_namespace.try_run(lab.PYTHON, "-c", client, uid=n.APP)
        assert "b'go" not in done.stdout
        assert guard.is_ready()
        assert can_hold(guard)


def test_the_admin_endpoint_has_the_shapes_of_the_resolver_s(network):
    with Guard(network, CAPTURE) as guard:
        assert guard.ask("/healthz") == (200, "ok")
        assert guard.ask("/readyz") == (200, "ready")
        assert guard.ask("/nothing")[0] == 404
        assert guard.ask("/metrics", "POST")[0] == 405
        status, text = guard.ask("/metrics")
        assert status == 200
        assert 'meshgate_build_info{program="meshgate-redirect",version="' in text
        names = re.findall(r"^# TYPE (\S+)", text, re.M)
        assert len(names) == len(set(names))


def test_the_capabilities_of_its_unit_are_enough(network):
    """Everything that it does, with nothing but those."""
    unit = (n.HERE.parents[1] / "contrib/systemd/meshgate-guard.service.in").read_text()
    words = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].split()
    allowed = ",".join("+" + word.removeprefix("CAP_").lower() for word in words)
    confined = ["setpriv", "--no-new-privs", f"--bounding-set=-all,{allowed}", "--inh-caps=-all"]
    with Guard(network, OPEN, wrapper=confined) as guard:
        assert can_hold(guard)
        network.vm_namespace.run("ip", "-6", "address", "del", "::6/128", "dev", "lo")
        guard.wait_for("meshgate_guard_routing_repairs_total")
        assert network.run("install", config=guard.path).returncode == 0
        assert "warning: /" not in guard.process.output()


def test_a_guard_at_rest_costs_next_to_nothing(network):
    """For the note: CPU and memory over some seconds; no assertion on time."""
    with Guard(network, OPEN) as guard:
        def cpu():
            fields = open(f"/proc/{guard.process.pid}/stat").read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        seconds = 60 if FULL else 3
        before = cpu()
        time.sleep(seconds)  # it is at rest
        used = cpu() - before
        rss = re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{guard.process.pid}/status").read())[1]
        print(f"at rest: {1000 * used / seconds:.2f} ms of CPU a second, {int(rss) // 1024} MiB")
        assert int(rss) < 64 * 1024
