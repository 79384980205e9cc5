"""Virtual addresses that the kernel translates: shares, affinity, refusals, the way back."""

import fcntl
import json
import os
import signal

import lab
import network as n
import pytest
from guarding import Guard

FULL = bool(os.environ.get("MESHGATE_FULL"))
COUNT = 100_000 if FULL else 2_000
VIP, OTHER_VIP = "240.0.0.0", "240.0.0.1"  # the first two of the range
SCRIPTS = []  # where other users can read them
ALONE = "[proxy]\nenabled = false\n"


@pytest.fixture
def back_ends(network):
    """b1 to b4 outside, at ports 9001 to 9004; c1 at the client; l1 on the machine's own lo."""
    started = []
    for namespace, words in (
            (network.outside_namespace,
             [f"{at}:900{i}=b{i}" for i in range(1, 5) for at in (n.OUTSIDE, n.OUTSIDE6)]),
            (network.client_namespace,
             [f"{n.CLIENT}:9001=c1", f"{n.CLIENT6}:9001=c1", f"{n.CLIENT}:9002=c2"]),
            (network.vm_namespace, ["127.0.0.1:9009=l1", f"{n.LAN}:9010=l2"])):
        process = namespace.start(lab.PYTHON, n.HERE / "backends.py", *words)
        process.wait_ready(lambda process=process: "ready" in process.output(), "the back ends")
        started.append(process)
    SCRIPTS[:] = [network.folder]
    yield
    for process in started:
        process.stop()


def config(services, vip="", more=""):
    return f'[vip]\nmode = "kernel"\nstate = "{{state}}"\n{vip}\n{services}\n{more}'


def install(network, services, vip="", more=""):
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    text = config(services, vip, more).replace("{state}", str(state))
    path = network.install(text, base=ALONE)
    assert state.exists()
    return path


def service(name="a", endpoints=(f"{n.OUTSIDE}:9001",), **keys):
    lines = [f'[[service]]\nname = "{name}"', f"endpoints = {toml(list(endpoints))}"]
    return "\n".join(lines + [f"{key} = {toml(value)}" for key, value in keys.items()]) + "\n"


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def outside(*numbers):
    return [f"{n.OUTSIDE}:900{number}" for number in numbers]


def burst(namespace, address, count, protocol="tcp", port=80, sources=(), uid=n.APP):
    script = lab.publish(n.HERE / "burst.py", SCRIPTS[0])
    words = [lab.PYTHON, script, protocol, address, port, count, *sources]
    return json.loads(namespace.run(*words, uid=uid, patience_s=1000))


def check_shares(found, weights, within):
    total = sum(found.values())
    assert set(found) == set(weights), found
    for name, weight in weights.items():
        share, due = found[name] / total, weight / sum(weights.values())
        assert abs(share - due) <= within, (name, share, due)


def element(network, name, change, element):
    """What a watcher does, with nft's words."""
    network.vm_namespace.run("nft", f"{change} element inet meshgate {name} {{ {element} }}")


def take_out_the_second_of_two(network):
    element(network, "vip_tcp4_endpoints", "delete", f"{VIP} . 80 . 1")
    element(network, "vip_tcp4_endpoints", "add",
            f"{VIP} . 80 . 1 : {outside(1)[0].replace(':', ' . ')}")


def test_http_by_name_of_the_service(network, back_ends):
    install(network, service(endpoints=outside(1)))
    with_curl = network.vm_namespace.run("curl", "-sS", "--max-time", "10", f"http://{VIP}/",
                                         uid=n.APP)
    assert with_curl == "b1"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("balance", ["random", "round-robin"])
def test_shares_are_those_of_the_weights(network, back_ends, balance, protocol):
    weighted = [{"address": outside(1)[0], "weight": 3}, *outside(2, 3),
                {"address": outside(4)[0], "weight": 5}]
    install(network, service(endpoints=weighted, balance=balance, protocols=["tcp", "udp"]))
    found = burst(network.vm_namespace, VIP, COUNT, protocol)
    # Chance alone is beyond 1 % of 2,000 now and then, and of 100,000 never.
    within = 0.01 if FULL or balance == "round-robin" else 0.06
    check_shares(found, {"b1": 3, "b2": 1, "b3": 1, "b4": 5}, within)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("weights, deaths", [
    ((2, 1, 1, 1), [((4,), {"b1": 2, "b2": 1, "b3": 1}), ((3,), {"b1": 2, "b2": 1})]),
    ((9, 8, 4), [(range(17, 21), {"b1": 9, "b2": 8})])], ids=["few slots", "many slots"])
def test_shares_of_those_that_are_left_are_those_of_their_weights(network, back_ends, protocol, weights,
                                                                  deaths):
    """The class stays: who draws the slot of a dead one draws again."""
    weighted = [{"address": address, "weight": weight}
                for address, weight in zip(outside(1, 2, 3, 4), weights)]
    path = install(network, service(endpoints=weighted, protocols=["tcp", "udp"],
                                    health={"check": "tcp"}))
    within = 0.01 if FULL else 0.06
    for slots, left in deaths:
        for each in ("tcp", "udp"):
            for slot in slots:
                element(network, f"vip_{each}4_endpoints", "delete", f"{VIP} . 80 . {slot}")
        network.vm_namespace.run("conntrack", "-F")  # flows of UDP whose ports come again
        check_shares(burst(network.vm_namespace, VIP, COUNT, protocol), left, within)
        assert network.run("status", config=path).returncode == 0


def test_services_that_take_turns_do_not_share_a_counter(network, back_ends):
    both = (service("a", outside(1, 2), balance="round-robin") +
            service("b", outside(3, 4), balance="round-robin"))
    install(network, both)
    found = {}
    for _ in range(24):
        for address in (VIP, OTHER_VIP):
            for name, count in burst(network.vm_namespace, address, 1).items():
                found[name] = found.get(name, 0) + count
    assert found == {"b1": 12, "b2": 12, "b3": 12, "b4": 12}


def test_a_client_keeps_its_endpoint_over_an_install(network, back_ends):
    more = '[[redirect.network]]\ninterface = "lan0"\ncidr = "10.66.2.0/24"\n'
    sources = [f"10.66.2.{last}" for last in range(100, 140)]
    for source in sources:
        network.client_namespace.run("ip", "address", "add", f"{source}/32", "dev", "lo")
        network.vm_namespace.run("ip", "route", "add", source, "via", n.CLIENT)
    try:
        wanted = service(endpoints=outside(1, 2, 3, 4), balance="client-hash")
        install(network, wanted, more=more)
        before = burst(network.client_namespace, VIP, 200, sources=sources, uid=0)
        assert set(before.values()) == {5}, before  # each of the 40 always had the same
        assert len({who.split(" ")[1] for who in before}) == 4
        network.run("uninstall")
        install(network, wanted, more=more)
        assert burst(network.client_namespace, VIP, 200, sources=sources, uid=0) == before
    finally:
        for source in sources:
            network.client_namespace.run("ip", "address", "del", f"{source}/32", "dev", "lo")
            network.vm_namespace.run("ip", "route", "del", source)


def test_ipv6(network, back_ends):
    install(network, service(endpoints=[f"[{n.OUTSIDE6}]:9001", f"{n.OUTSIDE}:9002"]),
            vip='ipv6 = "fd00:fd00::/64"')
    assert burst(network.vm_namespace, "fd00:fd00::", 1) == {"b1": 1}
    assert burst(network.vm_namespace, "240.0.0.0", 1) == {"b2": 1}


@pytest.mark.parametrize("default_route", [True, False])
def test_with_and_without_a_default_route(network, back_ends, default_route):
    """Without one the range is routed to lo: the source must not be a loopback address then."""
    services = (service("a", outside(1)) + service("b", [f"{n.CLIENT}:9001"]) +
                service("c", ["127.0.0.1:9009"]))

    def check():
        install(network, services)
        for address, name in (("240.0.0.0", "b1"), ("240.0.0.1", "c1"), ("240.0.0.2", "l1")):
            assert burst(network.vm_namespace, address, 1) == {name: 1}, address

    if default_route:
        check()
    else:
        with network.without_default_routes():
            check()


def test_a_local_packet_has_the_source_of_its_way_to_the_endpoint(network, back_ends):
    install(network, service(endpoints=[f"{n.CLIENT}:9001"]))
    assert burst(network.vm_namespace, "240.0.0.0", 1, "tcp+peer") == {f"c1 {n.LAN}": 1}


BEHIND = '[[redirect.network]]\ninterface = "lan0"\ncidr = ["10.66.2.0/24", "fd66:2::/64"]\n'


def test_clients_behind_an_interface(network, back_ends):
    install(network, service("far", outside(1)) + service("here", [f"{n.LAN}:9010"]), more=BEHIND)
    assert burst(network.client_namespace, "240.0.0.0", 3, uid=0) == {"b1": 3}
    assert burst(network.client_namespace, "240.0.0.1", 3, uid=0) == {"l2": 3}


def test_the_client_is_seen_by_an_endpoint_elsewhere(network, back_ends):
    install(network, service(endpoints=outside(1)), more=BEHIND)
    said = burst(network.client_namespace, "240.0.0.0", 1, "tcp+peer", uid=0)
    assert said == {f"b1 {n.CLIENT}": 1}


def test_an_endpoint_that_is_the_client_itself(network, back_ends):
    """Without a source of ours it would answer itself."""
    install(network, service(endpoints=[f"{n.CLIENT}:9001"]), more=BEHIND)
    assert burst(network.client_namespace, "240.0.0.0", 3, uid=0) == {"c1": 3}


@pytest.mark.parametrize("address, port, protocol", [
    ("240.0.0.0", 81, "tcp"), ("240.0.0.0", 80, "udp"), ("240.0.0.1", 80, "tcp"),
    ("240.9.9.9", 80, "tcp"), ("240.9.9.9", 53, "udp")])
@pytest.mark.parametrize("whose", ["vm", "client"])
def test_what_is_not_there_is_refused_at_once(network, back_ends, address, port, protocol, whose):
    install(network, service("a", outside(1)) + service("empty", []), more=BEHIND)
    namespace = getattr(network, f"{whose}_namespace")
    # To a local socket the rejection of a datagram is that it may not be sent.
    refused = "EPERM" if (whose, protocol) == ("vm", "udp") else "ECONNREFUSED"
    expected = {refused: 1}
    with network.outside_namespace.capture("vm0", "dst net 240.0.0.0/4") as capture:
        assert burst(namespace, address, 1, protocol, port, uid=0) == expected
    assert capture.count() == 0  # nothing went to the default gateway


def test_others_traffic_is_left_alone(network, back_ends):
    install(network, service(endpoints=outside(1)), more=BEHIND)
    assert burst(network.vm_namespace, n.OUTSIDE, 1, port=9002) == {"b2": 1}
    assert burst(network.client_namespace, n.OUTSIDE, 1, port=9002, uid=0) == {"b2": 1}


def test_an_open_connection_goes_on_when_its_endpoint_leaves(network, back_ends):
    path = install(network, service(endpoints=outside(1)))
    assert network.vm.hold(uid=n.APP, to=["240.0.0.0", 80], name="open") == "b1"
    path.write_text(path.read_text().replace(outside(1)[0], outside(2)[0]))
    done = network.run("install", config=path)
    assert done.returncode == 0, done.stderr
    assert burst(network.vm_namespace, "240.0.0.0", 4) == {"b2": 4}
    assert network.vm.say(name="open") == "b1"
    network.vm.let_go(name="open")


def generation(network):
    """Of the rules: a table made anew has other handles."""
    return network.vm_namespace.run("nft", "-a", "list", "chain", "inet", "meshgate", "output")


def test_a_change_of_endpoints_leaves_the_rules(network, back_ends):
    path = install(network, service("a", outside(1, 2)) + service("b", outside(3)))
    before = generation(network).splitlines()[0:3]
    # One service more, and an endpoint more than any had.
    text = path.read_text().replace(json.dumps(outside(1, 2)), json.dumps(outside(1, 2, 3)))
    path.write_text(text + service("c", outside(4)))
    assert network.run("install", config=path).returncode == 0
    assert generation(network).splitlines()[0:3] == before
    assert set(burst(network.vm_namespace, VIP, 100)) == {"b1", "b2", "b3"}
    assert burst(network.vm_namespace, "240.0.0.2", 2) == {"b4": 2}
    assert network.run("status", config=path).returncode == 0
    assert network.run("diff", config=path).stdout == ""


def test_what_a_watcher_took_out_is_as_planned_and_install_without_one_puts_it_in(network, back_ends):
    path = install(network, service(endpoints=outside(1, 2), health={"check": "tcp"}))
    take_out_the_second_of_two(network)
    assert network.run("status", config=path).returncode == 0
    assert burst(network.vm_namespace, "240.0.0.0", 20) == {"b1": 20}
    assert network.run("install", config=path).returncode == 0
    assert set(burst(network.vm_namespace, "240.0.0.0", 40)) == {"b1", "b2"}


@pytest.mark.parametrize("health", [{}, {"health": {"check": "tcp"}}], ids=["unwatched", "watched"])
def test_an_endpoint_that_is_added_is_used(network, back_ends, health):
    path = install(network, service(endpoints=outside(1), **health))
    path.write_text(path.read_text().replace(json.dumps(outside(1)), json.dumps(outside(1, 2))))
    assert network.run("install", config=path).returncode == 0
    assert set(burst(network.vm_namespace, "240.0.0.0", 40)) == {"b1", "b2"}
    assert network.run("install", config=path).returncode == 0
    assert network.run("status", config=path).returncode == 0


def test_another_endpoint_than_planned_is_seen_and_repaired(network, back_ends):
    path = install(network, service(endpoints=outside(1)))
    element(network, "vip_tcp4_endpoints", "delete", "240.0.0.0 . 80 . 0")
    element(network, "vip_tcp4_endpoints", "add",
            f"240.0.0.0 . 80 . 0 : {n.OUTSIDE} . 9004")
    assert network.run("status", config=path).returncode == 2
    assert network.run("diff", config=path).returncode == 2
    assert network.run("install", config=path).returncode == 0
    assert burst(network.vm_namespace, "240.0.0.0", 4) == {"b1": 4}


def test_uninstall_leaves_nothing(network, back_ends):
    before = network.vm_namespace.run("ip", "route")
    install(network, service(endpoints=outside(1)))
    assert network.run("uninstall").returncode == 0
    assert network.vm_namespace.run("nft", "list", "ruleset") == ""
    assert network.vm_namespace.run("ip", "route") == before


def test_explain_says_where_a_vip_goes(network, back_ends):
    install(network, service(endpoints=[{"address": outside(1)[0], "weight": 3}, *outside(2)]))
    said = network.run("explain", "--user", n.APP, "tcp", "240.0.0.0:80").stdout
    assert "is translated, at random, to one of 10.66.1.2:9001 (3 of 4), 10.66.1.2:9002" in said
    assert "is refused" in network.run("explain", "--user", n.APP, "tcp", "240.0.0.0:81").stdout


def test_explain_says_whose_address_it_is(network, back_ends):
    path = install(network, service("shop", outside(1)))
    asked = ["explain", "--user", n.APP, "tcp", "240.0.0.0:80"]
    assert network.run(*asked, config=path).stdout.splitlines()[0].endswith("(service 'shop')")
    said = json.loads(network.run(*asked, "--json", config=path).stdout)
    assert (said["service"], said["verdict"]) == ("shop", "translated")
    assert "service" not in json.loads(network.run(*asked, "--json").stdout)  # nobody says it
    elsewhere = ["explain", "--json", "--user", n.APP, "tcp", f"{n.FAR}:80"]
    assert "service" not in json.loads(network.run(*elsewhere, config=path).stdout)


def test_doctor_sees_endpoints_that_are_out(network, back_ends):
    path = install(network, service("shop", outside(1, 2)) + service("idle", []))

    def found():
        report = json.loads(network.run("doctor", "--json", config=path).stdout)
        return {one["code"]: one["details"] for one in report["findings"]}

    before = found()
    assert before["MG404"] == ["service 'idle', tcp 240.0.0.1:80: it has none"]
    assert "MG405" not in before and "MG103" not in before
    take_out_the_second_of_two(network)
    assert found()["MG405"] == [f"service 'shop', tcp 240.0.0.0:80: {outside(2)[0]}"]
    slot = "element inet meshgate vip_tcp4_endpoints { 240.0.0.0 . 80 . 0"
    network.vm_namespace.run("nft", f"delete {slot} }}; add {slot} : {n.OUTSIDE} . 9009 }}")
    assert "MG103" in found()  # an endpoint that the configuration does not have


@pytest.mark.parametrize("counts", [0, 1])
def test_status_has_endpoints_with_their_open_connections(network, back_ends, counts):
    network.vm_namespace.run("sysctl", "-qw", f"net.netfilter.nf_conntrack_acct={counts}")
    path = install(network, service(endpoints=[{"address": outside(1)[0], "weight": 3}]))
    for name in ("one", "two"):
        assert network.vm.hold(uid=n.APP, to=[VIP, 80], name=name) == "b1"
    vip, = json.loads(network.run("status", "--json", config=path).stdout)["vips"]
    endpoint, = vip.pop("endpoints")
    assert vip == {"service": "a", "address": f"{VIP}:80", "protocol": "tcp", "balance": "random"}
    assert endpoint["endpoint"] == outside(1)[0] and endpoint["slots"] == endpoint["of"]
    assert endpoint["connections"] == 2
    assert (endpoint["bytes"] or 0) > 0 if counts else endpoint["bytes"] is None
    table = network.run("status", config=path).stdout.splitlines()[-2:]
    assert table[0].split() == ["SERVICE", "ADDRESS", "PROTOCOL", "BALANCE", "ENDPOINT", "SHARE",
                                "OPEN", "BYTES"]
    assert table[1].split()[:8] == ["a", f"{VIP}:80", "tcp", "random", outside(1)[0], "100", "%", "2"]
    # An endpoint that left has its connections all the same.
    path.write_text(path.read_text().replace(outside(1)[0], outside(2)[0]))
    assert network.run("install", config=path).returncode == 0
    vip, = json.loads(network.run("status", "--json", config=path).stdout)["vips"]
    told = {each["endpoint"]: (each["slots"], each["connections"]) for each in vip["endpoints"]}
    assert told == {outside(1)[0]: (0, 2), outside(2)[0]: (1, 0)}
    for name in ("one", "two"):
        network.vm.let_go(name=name)


def test_iptables_says_that_it_cannot(network):
    path = network.config('[vip]\nmode = "kernel"\n[redirect]\nengine = "iptables"\n', base=ALONE)
    done = network.run("install", config=path)
    assert done.returncode == 65 and "only nftables" in done.stderr
    path = network.config('[vip]\nmode = "kernel"\nstate = "/nowhere/x"\n', base=ALONE)
    done = network.run("install", "--dry-run", "--format", "iptables", config=path)
    assert done.returncode == 1 and "only nftables" in done.stderr


def test_addresses_that_a_server_keeps_are_not_guessed(network, back_ends):
    """Its lock says that it runs; it has not given this service an address."""
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    path = network.write(ALONE + config(service(endpoints=outside(1))).replace("{state}", str(state)))
    lock = open(f"{state}.lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = network.run("install", config=path)
    assert done.returncode == 1 and "reload meshgate-dns first" in done.stderr
    lock.close()
    assert network.run("install", config=path).returncode == 0
    assert '"a" = "240.0.0.0"' in state.read_text()


# The golden files with such VIPs, by their names, with this network's addresses.
MATRIX = {
    "kernel_vips": (
        ALONE + n.DNS_ALL + BEHIND + '[vip]\nmode = "kernel"\nipv6 = "fd00:fd00::/64"\n', (
            service("shop", [outside(1)[0], {"address": outside(2)[0], "weight": 3},
                             f"[{n.OUTSIDE6}]:9003"], port=[80, 443]),
            service("turns", outside(4), balance="round-robin", protocols=["tcp", "udp"]),
            service("sticky", outside(1, 2), balance="client-hash"), service("empty", []))),
    "kernel_vips_dns": (
        ALONE + n.DNS_ALL + 'on_resolver_down = "open"\n' + BEHIND + '[vip]\nmode = "kernel"\n', (
            service("names", outside(1), port=53, protocols=["tcp", "udp"]),
            service("shop", outside(2)))),
    "kernel_vips_beside_proxy": (
        n.BASE, (service("shop", outside(1), via="kernel", address="10.99.0.1"),)),
}
NAMES = {f"{at}:900{number}": f"b{number}"
         for number in range(1, 5) for at in (n.OUTSIDE, f"[{n.OUTSIDE6}]")}
TARGETS = ["240.0.0.0", "240.0.0.1", "240.0.0.2", "240.0.0.3", "240.0.0.4", "fd00:fd00::",
           "fd00:fd00::3", "fd00:fd00::4", "10.99.0.1", n.FAR, n.FAR6]


@pytest.mark.parametrize("name", MATRIX)
def test_packets_go_where_explain_says(network, back_ends, name):
    text, services = MATRIX[name]
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    vip = f'state = "{state}"\n'
    text = text.replace("[vip]\n", f"[vip]\n{vip}") if "[vip]" in text else f"{text}[vip]\n{vip}"
    network.install("".join(services), base=text)
    probes = [(who, protocol, to, port) for who in ("vm", "client") for protocol in ("tcp", "udp")
              for to in TARGETS for port in (80, 443, 3000, 53)]
    for who, protocol, to, port in probes:
        at = f"[{to}]:{port}" if ":" in to else f"{to}:{port}"
        client = n.CLIENT6 if ":" in to else n.CLIENT
        asked = ["--user", n.APP] if who == "vm" else ["--inbound", "--interface", "lan0", "--from",
                                                       client]
        said = json.loads(network.run("explain", "--json", *asked, protocol, at).stdout)
        if to in (n.FAR, n.FAR6) or said["verdict"] in ("redirected", "straight"):
            assert said["verdict"] in ("redirected", "straight"), (at, said)
            continue  # tests of the capture have packets for it
        found = burst(getattr(network, f"{who}_namespace"), to, 1, protocol, port, uid=n.APP)
        if said["verdict"] == "translated":
            possible = {NAMES[each["address"]] for each in said["endpoints"]}
            assert set(found) <= possible, (at, said, found)
        else:
            refused = "EPERM" if (who, protocol) == ("vm", "udp") else "ECONNREFUSED"
            assert (said["verdict"], found) == ("refused", {refused: 1}), (who, at, said)


def held_handles(network):
    """Of the chains and rules: a table made anew has others."""
    listed = network.vm_namespace.run("nft", "-a", "-s", "list", "table", "inet", "meshgate")
    return [line for line in listed.splitlines() if "# handle" in line]


@pytest.mark.parametrize("hold", [True, False], ids=["held", "not-held"])
def test_a_guard_sends_what_differs(network, back_ends, hold):
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    text = config(service("a", outside(1)) + service("b", outside(2))).replace("{state}", str(state))
    with Guard(network, text, hold, base=ALONE) as guard:
        assert burst(network.vm_namespace, VIP, 2) == {"b1": 2}
        before = held_handles(network)
        assert network.vm.hold(uid=n.APP, to=[VIP, 80], name="open") == "b1"
        guard.path.write_text(guard.path.read_text().replace(outside(1)[0], outside(3)[0]))
        guard.process.send_signal(signal.SIGHUP)
        guard.wait_for("meshgate_guard_element_updates_total")
        assert burst(network.vm_namespace, VIP, 2) == {"b3": 2}
        assert burst(network.vm_namespace, OTHER_VIP, 2) == {"b2": 2}
        assert network.vm.say(name="open") == "b1"
        network.vm.let_go(name="open")
        assert held_handles(network) == before
        assert network.run("status", config=guard.path).returncode == 0


def test_a_guard_repairs_an_endpoint_that_somebody_changed(network, back_ends):
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    text = config(service("a", outside(1))).replace("{state}", str(state))
    with Guard(network, text, hold=False, base=ALONE) as guard:
        slot = "element inet meshgate vip_tcp4_endpoints { 240.0.0.0 . 80 . 0"
        network.vm_namespace.run("nft", f"delete {slot} }}; add {slot} : {n.OUTSIDE} . 9004 }}")
        guard.wait_for('meshgate_guard_repairs_total{program="nft"}')
        assert burst(network.vm_namespace, VIP, 3) == {"b1": 3}


@pytest.mark.parametrize("whose", ["vm", "client"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("vip", ["240.0.0.0", "fd00:fd00::"], ids=["ipv4", "ipv6"])
def test_both_families_and_protocols_with_another_port(network, back_ends, vip, protocol, whose):
    both = [f"{n.OUTSIDE}:9001", f"[{n.OUTSIDE6}]:9003"]
    install(network, service(endpoints=both, protocols=["tcp", "udp"], port=[80, 5353]),
            vip='ipv6 = "fd00:fd00::/64"', more=BEHIND)
    expected = "b1" if "." in vip else "b3"
    for port in (80, 5353):
        found = burst(getattr(network, f"{whose}_namespace"), vip, 5, protocol, port, uid=n.APP)
        assert found == {expected: 5}, (port, found)


def test_the_capture_beside_it_is_what_it_was(network, back_ends):
    """One service is the kernel's; all else goes where it goes without it."""
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    services = service("kernels", outside(1), via="kernel") + service("proxied", outside(2))
    network.install(f'{n.DNS_ALL}[vip]\nstate = "{state}"\n{services}')
    assert burst(network.vm_namespace, "240.0.0.0", 3) == {"b1": 3}
    for to, name in ((["240.0.0.1", 80], "outbound"), ([n.FAR, 80], "outbound"),
                     ([n.FAR, 53], "resolver"), ([n.VM, 80], "service")):
        assert network.vm.tcp(uid=n.APP, to=to)["name"] == name, to
    assert network.vm.udp(uid=n.APP, to=[n.FAR, 53])["name"] == "resolver"
    assert network.vm.tcp(uid=n.PROXY, to=[n.FAR, 80])["name"] == "outside"
    assert network.outside.tcp(uid=0, to=[n.VM, 80])["name"] == "inbound"
    # Who is exempt is not captured, and not translated: he is refused.
    assert burst(network.vm_namespace, "240.0.0.0", 1, uid=n.PROXY) == {"ECONNREFUSED": 1}


@pytest.fixture
def name_servers(network):
    """Outside on a port of its own, and at the client's on the usual one: both know their name."""
    SCRIPTS[:] = [network.folder]
    started = []
    for namespace, address, port, name in ((network.outside_namespace, n.OUTSIDE, 5354, "far"),
                                           (network.client_namespace, n.CLIENT, 53, "near")):
        path = network.write("\n".join([
            "keep-in-foreground", "no-resolv", "no-hosts", "user=root", "pid-file=", "log-facility=-",
            "bind-interfaces", f"listen-address={address}", f"port={port}",
            f"txt-record=who.example,{name}", ""]), f"{name}.dnsmasq.conf")
        process = namespace.start("dnsmasq", f"--conf-file={path}")
        process.wait_ready(lambda namespace=namespace, address=address, port=port:
                           who_answers(namespace, address, "-p", port), "dnsmasq")
        started.append(process)
    yield
    for process in started:
        process.stop()


def who_answers(namespace, address, *options):
    return namespace.try_run("dig", "+short", "+time=2", "+tries=1", f"@{address}", "who.example", "TXT",
                             *options, uid=n.APP).stdout.strip().strip('"')


@pytest.mark.parametrize("capture", ["all", "resolv-conf", None])
@pytest.mark.parametrize("whose", ["vm", "client"])
def test_a_name_server_is_reached_by_its_address_while_dns_is_captured(network, name_servers, whose,
                                                                       capture):
    """Over UDP and TCP, at its port and at another; what is asked of others is captured as ever."""
    both = {"port": 53, "protocols": ["udp", "tcp"]}
    captured = f'[redirect.dns]\nenabled = true\ncapture = "{capture}"\nprotocols = ["udp", "tcp"]\n'
    install(network, service("far", [f"{n.OUTSIDE}:5354"], **both) +
            service("near", [f"{n.CLIENT}:53"], **both) + service("none", [], **both) +
            service("shop", [f"{n.OUTSIDE}:9001"]),
            more=BEHIND + (captured if capture else ""))
    namespace = getattr(network, f"{whose}_namespace")
    for options in ((), ("+tcp",)):
        assert who_answers(namespace, "240.0.0.0", *options) == "far"
        assert who_answers(namespace, "240.0.0.1", *options) == "near"
    refused = "EPERM" if whose == "vm" else "ECONNREFUSED"
    assert burst(namespace, "240.0.0.2", 1, "udp", 53) == {refused: 1}
    assert burst(namespace, "240.0.0.2", 1, "tcp", 53) == {"ECONNREFUSED": 1}
    agent = getattr(network, whose)
    captures = capture == "all" or (capture and whose == "client")
    for ask in (agent.udp, agent.tcp):
        assert ask(uid=n.APP, to=[n.FAR, 53])["name"] == ("resolver" if captures else "outside")
        if captures:
            assert ask(uid=n.APP, to=["240.0.0.3", 53])["name"] == "resolver"  # it has no such port


def test_name_servers_are_balanced_and_checked(network, name_servers):
    """The check over TCP; a dead one is asked no more, also by who asks from the same port again."""
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    text = config(service("names", [f"{n.OUTSIDE}:5354", f"{n.CLIENT}:53", f"{n.OUTSIDE}:5355"],
                          port=53, protocols=["udp", "tcp"], health={"check": "tcp"}),
                  more=BEHIND + n.DNS_ALL).replace("{state}", str(state))
    with Guard(network, text, base=ALONE) as guard:
        lab.wait_until(lambda: f"{n.OUTSIDE}:5355 is dead" in guard.process.output(), "the check")
        for options in ((), ("+tcp",), ("-b", f"{n.LAN}#45353")):
            found = {who_answers(network.vm_namespace, VIP, *options) for _ in range(40)}
            assert found <= {"far", "near"} and ("-b" in options or len(found) == 2), found
