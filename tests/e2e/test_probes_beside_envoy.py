"""The probes of doctor and install beside a real Envoy and a real meshgate-dns: each line is right
while they run and while either is down, nothing leaves the machine, and Envoy notices nothing but a
few connections."""

import contextlib
import json

import lab
import mesh as m
import pytest

# Where the ranges of VIPs have a route of the machine's, and an address of somebody else is left
# alone: what goes there must not get there.
EXCLUDED = """
[redirect.outbound]
exclude_destinations = ["198.18.0.0/15", "2001:db8:ffff::/48"]
"""


CLIENTS = f"""
[[redirect.network]]
interface = "{m.SERVICE_LINK}"
cidr = ["10.77.1.0/24", "fd77:1::/64"]
"""


@pytest.fixture(params=["no-default-route", "clients"])
def probed(request, new_mesh):
    mesh = new_mesh(default_route=request.param != "no-default-route", native_ipv6=True)
    mesh.build_network()
    with_clients = request.param == "clients"
    text = mesh.write_config(CLIENTS if with_clients else "").read_text()
    text = text.replace("[redirect.outbound]", EXCLUDED.strip())
    if with_clients:
        mesh.vm.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        text = text.replace("[dns]", '[dns]\nlisten = ["0.0.0.0:15053", "[::]:15053"]')
    mesh.config.write_text(text)
    mesh.start_dns()
    mesh.start_envoy()
    mesh.install()
    return mesh


@contextlib.contextmanager
def nothing_leaves(mesh):
    """Over either cable of the machine, as seen at its other end; of its own addresses the kernel
    may say something."""
    with mesh.remote.capture("vm0", "tcp or udp or icmp") as one:
        with mesh.outside.capture("vm0", "tcp or udp or icmp") as other:
            yield
    assert one.packets == other.packets == []


def probe(mesh):
    with nothing_leaves(mesh):
        done = mesh.redirect("doctor", "--probe", "--json")
    report = json.loads(done.stdout)
    assert len(report["probes"]) > 40, done.stdout
    not_right = [one for one in report["probes"] if one["verdict"] != "right"]
    assert not_right == [] and report["not_probed"] == [], (not_right, report["not_probed"])
    assert "MG801" not in {one["code"] for one in report["findings"]}
    return {one["code"] for one in report["findings"]}


def envoys_state(mesh):
    """Its listeners, and what it says of their life; all but the count of connections."""
    admin = mesh.envoy._admin
    stats = json.loads(admin("/stats?filter=^listener_manager&format=json").stdout)["stats"]
    wanted = ("listener_manager.listener_", "listener_manager.total_listeners")
    return (json.loads(admin("/listeners?format=json").stdout), mesh.envoy.process.pid,
            {one["name"]: one["value"] for one in stats if one.get("name", "").startswith(wanted)},
            mesh.vm.run("ss", "-Hltun", "sport = :15001 or sport = :15006 or sport = :15053"))


def open_connections(mesh):
    stats = json.loads(mesh.envoy._admin("/stats?filter=downstream_cx_active&format=json").stdout)
    return sum(one["value"] for one in stats["stats"] if one["name"].startswith("listener.")
               and ".admin." not in one["name"] and "worker" not in one["name"])


def test_every_probe_is_right_with_and_without_the_real_programs(probed):
    before = envoys_state(probed)
    assert probe(probed) == set()
    assert envoys_state(probed) == before
    lab.wait_until(lambda: open_connections(probed) == 0, "Envoy to end what the probes opened")
    assert probed.curl("http://backend.mesh/").stdout.startswith("name=remote ")
    m.stop_dns(probed)
    assert probe(probed) == {"MG401"}
    probed.envoy.stop()
    assert probe(probed) == {"MG401"}
    probed.start_dns()
    assert probe(probed) == {"MG401"}
    probed.start_envoy()
    assert probe(probed) == set()
    assert probed.curl("http://backend.mesh/").stdout.startswith("name=remote ")


def test_an_install_with_probes_stands_beside_them(probed):
    for spoil in (lambda: None, probed.envoy.stop, lambda: m.stop_dns(probed)):
        spoil()
        probed.uninstall()
        with nothing_leaves(probed):
            done = probed.redirect("install", "--probe")
        assert done.returncode == 0, done.stderr
        assert probed.redirect("status").returncode == 0


def test_requests_go_on_while_probes_are_sent(probed):
    """As many as fit into three runs."""
    loop = ("i=0; while ! [ -e {stop} ]; do curl --silent --fail --noproxy '*' --max-time 10 "
            "--output /dev/null http://backend.mesh/ || echo failed; i=$((i+1)); done; echo $i done")
    stop = probed.folder / "stop"
    load = probed.vm.start("sh", "-c", loop.format(stop=stop), uid=m.APP_UID)
    reports = [probed.redirect("doctor", "--probe", "--json") for _ in range(3)]
    stop.touch()
    load.wait()
    wrong = [one for done in reports for one in json.loads(done.stdout)["probes"]
             if one["verdict"] != "right"]
    assert wrong == []
    assert "failed" not in load.output() and int(load.output().split()[0]) > 3
