"""What is counted, by cause, beside what was done."""

import json
import threading

import network as n
import pytest

ENGINES = n.ENGINES
CONFIGURATION = n.DNS_ALL + """
[redirect]
drop_invalid = true
[redirect.inbound]
exclude_ports = [22]
exclude_sources = ["10.66.2.0/24"]
[redirect.outbound]
exclude_ports = [443]
exclude_destinations = ["10.66.1.2"]
exclude = [{ users = 1001, protocols = "tcp", ports = 3000 }]
"""
BASE = """
[proxy]
user = [5678, 5680]
exempt_users = [1002]
exempt_groups = [1337]
exempt_marks = ["0x539/0xfff"]
"""
ALL = {"captured_inbound", "captured_outbound", "captured_dns", "exempt_user", "exempt_group",
       "exempt_mark", "exempt_port", "exempt_address", "exempt_local", "loop_prevented",
       "invalid_dropped"}


def counted(network):
    """{cause: packets} of `status --json`, whatever the file says."""
    done = network.run("status", "--json")
    counters = json.loads(done.stdout)["counters"]
    assert all(each["bytes"] >= 28 * each["packets"] for each in counters.values()), counters
    return {name: each["packets"] for name, each in counters.items()}


def difference(network, before):
    return {name: now - before[name] for name, now in counted(network).items()
            if now != before[name]}


def test_each_connection_counts_for_the_reason_it_is_decided_by(network):
    path = network.install(CONFIGURATION, base=BASE)
    assert set(counted(network)) == ALL
    vm, far, app = network.vm, [n.FAR, 80], {"uid": n.APP}
    steps = [
        ("captured_outbound", lambda: vm.tcp(to=far, count=3, **app), 3),
        ("captured_outbound", lambda: vm.tcp(to=[n.FAR6, 80], **app), 1),
        ("captured_dns", lambda: vm.tcp(to=[n.FAR, 53], **app), 1),
        ("exempt_user", lambda: vm.tcp(uid=1002, to=far), 1),
        ("exempt_user", lambda: vm.tcp(uid=1001, to=[n.FAR, 3000]), 1),
        ("exempt_user", lambda: vm.udp(uid=1002, to=[n.FAR6, 53]), 1),
        ("exempt_group", lambda: vm.tcp(gid=1337, to=far, **app), 1),
        ("exempt_mark", lambda: vm.udp(mark=0xa539, to=[n.FAR, 53], **app), 1),
        ("exempt_port", lambda: vm.tcp(to=[n.FAR6, 443], **app), 1),
        ("exempt_address", lambda: vm.tcp(to=[n.OUTSIDE, 80], **app), 1),
        ("exempt_local", lambda: vm.tcp(to=[n.VM, 8080], **app), 1),
        ("loop_prevented", lambda: vm.tcp(uid=5680, to=far), 1),
        ("loop_prevented", lambda: vm.udp(uid=5678, to=[n.FAR, 53]), 1),
        ("captured_inbound", lambda: vm.tcp(uid=5680, to=[n.VM, 8080]), 1),
        ("captured_inbound", lambda: network.outside.tcp(uid=0, to=[n.VM6, 8080]), 1),
        ("exempt_port", lambda: network.outside.tcp(uid=0, to=[n.VM, 22]), 1),
        ("exempt_address", lambda: network.client.tcp(uid=0, to=[n.VM, 8080]), 1),
    ]
    for number, (cause, act, times) in enumerate(steps):
        before = counted(network)
        assert "name" in act(), (number, cause)
        assert difference(network, before) == {cause: times}, (number, cause)
    before = counted(network)
    network.outside.raw_tcp(source=[n.OUTSIDE, 40099], to=[n.VM, 9999], flags=0x12,
                            then_to=[n.VM, 22])
    assert difference(network, before)["invalid_dropped"] == 1
    # Values are none of what is compared.
    assert network.run("status", config=path).returncode == 0
    assert network.run("diff", config=path).stdout == ""
    assert "already installed" in network.run("install", "--verbose", config=path).stderr


def test_text_and_nft_say_the_same(network):
    network.install()
    network.vm.tcp(uid=n.APP, to=[n.FAR, 80], count=2)
    text = network.run("status").stdout
    assert "counted:  captured_outbound 2 (120 bytes)\n" in text
    if not network.engine:
        listed = network.vm_namespace.run("nft", "list", "counters", "table", "inet", "meshgate")
        assert "counter captured_outbound {\n\t\tpackets 2 bytes 120\n" in listed


def test_nothing_is_counted_where_nothing_is_installed(network):
    assert json.loads(network.run("status", "--json").stdout)["counters"] == {}
    network.install("[redirect.outbound]\nenabled = false\n")
    assert set(counted(network)) == {"captured_inbound", "loop_prevented"}


def test_an_install_goes_on_counting_where_the_one_before_it_was(network):
    network.install()
    network.vm.tcp(uid=n.APP, to=[n.FAR, 80], count=5)
    network.outside.tcp(uid=0, to=[n.VM, 8080], count=2)
    before = counted(network)
    assert (before["captured_outbound"], before["captured_inbound"]) == (5, 2)
    for ports in ("22", "23"):
        network.install(f"[redirect.inbound]\nexclude_ports = [{ports}]\n")
        assert counted(network) == before
    network.install()
    assert counted(network) == before
    assert network.run("uninstall").returncode == 0
    network.install()
    assert set(counted(network).values()) == {0}


@pytest.mark.nftables_only
def test_under_load_no_count_is_lost_and_none_goes_down(network):
    """Tables change places several times in a replacement; their sum is right at any time."""
    paths = [network.config(n.DNS_ALL + f"[redirect.inbound]\nexclude_ports = [{port}]\n")
             for port in (22, 23)]
    assert network.run("install", config=paths[1]).returncode == 0
    seen, done = [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(counted(network)["captured_outbound"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    network.vm.begin("load", uid=n.APP, tcp_to=[n.FAR, 80], udp_to=[n.FAR, 53], seconds=100)
    try:
        for turn in range(12):
            assert network.run("install", config=paths[turn % 2]).returncode == 0
    finally:
        done.set()
        watcher.join()
        network.vm.begin("nothing")
        made = network.vm.end()
        network.vm.end()
    assert seen == sorted(seen)
    assert list(made["tcp"]) == ["outbound"] and list(made["udp"]) == ["resolver"]
    now = counted(network)
    assert now["captured_outbound"] == made["tcp"]["outbound"]
    # A query from a port that was just used is one of a flow that conntrack knows.
    assert 0 < now["captured_dns"] <= made["udp"]["resolver"]
    assert network.run("status", config=paths[1]).returncode == 0
    assert network.vm_namespace.run("nft", "list", "tables") == "table inet meshgate\n"
