"""The capture of another mesh, under which ours is not installed, and in whose place it comes with
--replace: only their rules go, and no connection is missed."""

import pathlib

import network as n
import pytest
import test_docker as docker
import test_foreign as foreign

MESHES = {path.stem: path for path in sorted((n.HERE / "meshes").glob("*.rules"))}
NAMES = {"kuma": "Kuma", "kuma-without-comments": "Kuma", "istio": "Istio", "linkerd": "Linkerd"}
CONFIGURATION = n.DNS_ALL + "[redirect.inbound]\nexclude_ports = [22]\n"
EACH = pytest.mark.parametrize("mesh", MESHES)
BACKENDS = pytest.mark.parametrize("backend", ["nft", "legacy"])
# Rules that look like theirs and are others'.
LOOKALIKES = """*nat
:MY_KUMA_MESH - [0:0]
-A OUTPUT -p udp -m udp --dport 5353 -j REDIRECT --to-ports 15054
-A OUTPUT -p tcp -m tcp --dport 8443 -m comment --comment "not kuma/mesh/transparent/proxy/ at all" -j RETURN
-A OUTPUT -p tcp -m tcp --dport 9443 -j MY_KUMA_MESH
-A PREROUTING -p tcp -m tcp --dport 7443 -j REDIRECT --to-ports 7444
COMMIT
*raw
-A OUTPUT -p udp -m udp --dport 4500 -j CT --zone 9
COMMIT
"""


def load_mesh(network, mesh, backend):
    text = MESHES[mesh].read_text()
    for six, words in (("", {"six": "127.0.0.6/32", "loopback": "127.0.0.1/32"}),
                       ("6", {"six": "::6/128", "loopback": "::1/128"})):
        network.vm_namespace.run(f"ip{six}tables-{backend}-restore", "--noflush",
                                 input=text.format(**words))
    network.vm_namespace.run("ip", "-6", "address", "replace", "::6/128", "dev", "lo")


def load_others(network, backend):
    docker.docker_starts(network, backend, docker.HOST_V4, docker.HOST_V6)
    for six in ("", "6"):
        network.vm_namespace.run(f"ip{six}tables-{backend}-restore", "--noflush", input=LOOKALIKES)


def all_rules(network):
    return [network.vm_namespace.run(f"ip{six}tables-{backend}-save")
            for six in ("", "6") for backend in ("nft", "legacy")]


def rules(network):
    """Those of everybody but us, without what iptables makes and leaves empty."""
    return foreign.without_ours(all_rules(network))


@pytest.fixture(autouse=True)
def nothing_left(network):
    yield
    vm = network.vm_namespace
    for six in ("", "6"):
        for table in ("nat", "raw", "mangle", "filter"):
            for option in ("-F", "-X"):
                vm.run(f"ip{six}tables-legacy", "-t", table, option)
    vm.try_run("ip", "-6", "address", "del", "::6/128", "dev", "lo")


def who(answer):
    return answer.get("name") or answer["error"]


def landings(network):
    return [who(network.vm.tcp(uid=n.APP, to=[far, 80])) for far in (n.FAR, n.FAR6)] + [
        who(network.vm.tcp(uid=n.PROXY, to=[n.FAR, 80]))] + [
        who(network.outside.tcp(uid=0, to=[vm, port])) for vm in (n.VM, n.VM6) for port in (22, 8080)]


CAPTURED = ["outbound"] * 2 + ["outside"] + ["service", "inbound"] * 2


@EACH
@BACKENDS
def test_a_second_capture_is_refused(network, mesh, backend):
    load_mesh(network, mesh, backend)
    assert landings(network) == CAPTURED
    before = all_rules(network)
    done = network.run("install", config=network.config(CONFIGURATION))
    assert done.returncode == 1
    places = f"{NAMES[mesh]} (iptables-{backend}, ip6tables-{backend})"
    assert f"there are rules of {places}" in done.stderr and "--replace" in done.stderr
    strip = [line for text in before for line in text.splitlines() if not line.startswith(("#", ":"))]
    after = [line for text in all_rules(network) for line in text.splitlines()
             if not line.startswith(("#", ":"))]
    assert after == strip
    assert network.run("status").returncode == 3


@EACH
@BACKENDS
def test_replace_takes_theirs_away_and_nothing_else(network, mesh, backend):
    load_others(network, backend)
    before = rules(network)
    load_mesh(network, mesh, backend)
    assert rules(network) != before
    path = network.config(CONFIGURATION)
    done = network.run("install", "--replace", config=path)
    assert done.returncode == 0, done.stderr
    assert f"taken away: the rules of {NAMES[mesh]}" in done.stderr
    assert rules(network) == before
    assert landings(network) == CAPTURED
    assert who(network.vm.udp(uid=n.APP, to=[n.FAR, 53])) == "resolver"
    assert network.run("status", config=path).returncode == 0
    again = network.run("install", "--verbose", config=path)
    assert (again.returncode, "already installed" in again.stderr) == (0, True)
    assert network.run("uninstall").returncode == 0
    assert rules(network) == before
    assert "::6" not in network.vm_namespace.run("ip", "-6", "address", "show", "dev", "lo")


def test_copies_that_kumactl_left_are_named_and_stay(network):
    copy = pathlib.Path("/tmp", f"iptables-rules.{network.folder.name}.txt.backup")
    load_mesh(network, "kuma", "nft")
    copy.touch()
    try:
        done = network.run("install", "--replace", config=network.config(CONFIGURATION))
        assert done.returncode == 0 and "kumactl's copies of all rules" in done.stderr
        assert copy.exists()
    finally:
        copy.unlink()


@pytest.mark.parametrize("engine", n.ENGINES, indirect=True)
@BACKENDS
def test_nothing_goes_uncaptured_meanwhile(network, engine, backend):
    """A question that is on its way when zones change is asked again; none leaves the machine."""
    path = network.config(CONFIGURATION)
    for _ in range(5):
        load_mesh(network, "kuma", backend)
        network.vm.begin("load", uid=n.APP, tcp_to=[n.FAR, 80], udp_to=[n.FAR, 53], seconds=20)
        done = network.run("install", "--replace", config=path)
        network.vm.begin("nothing")
        counts = network.vm.end()
        network.vm.end()
        assert done.returncode == 0, done.stderr
        assert list(counts["tcp"]) == ["outbound"], counts
        again = counts["udp"].pop("answer from 127.0.0.1:15053", 0)
        assert list(counts["udp"]) == ["resolver"] and again <= 1, (counts, again)
        assert network.run("uninstall").returncode == 0
    assert not [line for line in network.seen_outside() if line.get("payload") == "query"]


@BACKENDS
def test_a_refused_replacement_leaves_theirs(network, backend):
    load_mesh(network, "kuma", backend)
    before = [line for line in rules(network) if "KUMA" in line or "kuma" in line]
    network.engine = 'engine = "iptables"'
    broken = network.folder / f"broken-{backend}"
    broken.mkdir(exist_ok=True)
    for flavour in ("nft", "legacy"):
        ip6 = broken / f"ip6tables-{flavour}-restore"
        ip6.write_text("#!/bin/sh\ninput=$(cat)\ncase $input in *MGTRIAL*) echo refused >&2; exit 1;; esac\n"
                       f'printf "%s\\n" "$input" | /usr/sbin/{ip6.name} "$@"\n')
        ip6.chmod(0o755)
    done = network.vm_namespace.try_run(
        "env", f"PATH={broken}:/usr/sbin:/usr/bin:/sbin:/bin", network.redirect, "install",
        "--replace", "--config", network.config(CONFIGURATION))
    network.engine = ""
    assert done.returncode == 1 and "refused" in done.stderr
    assert [line for line in rules(network) if "KUMA" in line or "kuma" in line] == before


def test_istio_s_own_tables_of_nftables(network):
    network.vm_namespace.run("nft", "-f", "-", input="""
table inet istio-proxy-nat {
  chain istio-output { type nat hook output priority -100; ip protocol tcp redirect to :15001; }
}
""")
    path = network.config(CONFIGURATION)
    done = network.run("install", config=path)
    assert done.returncode == 1 and "Istio (table inet istio-proxy-nat)" in done.stderr
    assert network.run("install", "--replace", config=path).returncode == 0
    assert "istio" not in network.vm_namespace.run("nft", "list", "ruleset")


def test_every_file_of_rules_is_used():
    assert set(MESHES) == set(NAMES) and all(isinstance(path, pathlib.Path) for path in MESHES.values())
