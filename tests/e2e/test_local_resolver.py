"""A caching resolver on the machine, as resolv.conf names it, beside meshgate-dns with capture =
"all": its own questions would come back to it, round and round."""

import pathlib
import re

import mesh as m
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = ROOT / "contrib/systemd/meshgate-redirect.service.in"

CACHE = "127.0.0.53"
CONFIGURATIONS = {
    "dnsmasq": ["keep-in-foreground", "no-resolv", "no-hosts", "pid-file=", "cache-size=0",
                "bind-interfaces", f"listen-address={CACHE}", f"server={m.DNS_ADDRESS}"],
    "unbound": ["server:", 'chroot: ""', 'pidfile: ""', "use-syslog: no", "do-daemonize: no",
                f"interface: {CACHE}", "do-not-query-localhost: no", 'module-config: "iterator"',
                "forward-zone:", 'name: "."', f"forward-addr: {m.DNS_ADDRESS}"],
}
ARGUMENTS = {"dnsmasq": "--conf-file={}", "unbound": "-c{}"}


@pytest.fixture(params=CONFIGURATIONS)
def cached(new_mesh, request):
    """The network, the resolver as a distribution starts it: as root, to become its own user when
    its ports are open, so that those count as root's. No Envoy: nothing but DNS is asked."""
    mesh = new_mesh()
    mesh.build_network()
    config = mesh._write(request.param + ".conf", "\n".join(CONFIGURATIONS[request.param]) + "\n")
    mesh.resolver = mesh.vm.start(request.param, ARGUMENTS[request.param].format(config))
    mesh.resolver.wait_ready(
        lambda: mesh.vm.try_run("dig", f"@{CACHE}", "www.outside.example", "+time=1",
                                "+tries=1").returncode == 0, request.param)
    mesh._write("resolv.conf", f"nameserver {CACHE}\n")
    mesh.write_config()
    mesh.start_dns()
    return mesh


def user_of(process):
    status = open(f"/proc/{process.pid}/status").read()
    return int(status.split("Uid:")[1].split()[3])


def confined():
    """What the unit leaves to the program."""
    words = re.search(r"^CapabilityBoundingSet=(.*)$", UNIT.read_text(), re.M)[1].split()
    allowed = ",".join("+" + word.removeprefix("CAP_").lower() for word in words)
    return ["setpriv", "--no-new-privs", f"--bounding-set=-all,{allowed}", "--inh-caps=-all"]


def test_its_own_questions_do_not_come_back_to_it(cached):
    done = cached.vm.try_run(*confined(), cached.program("meshgate-redirect"), "install",
                             "--config", cached.config)
    assert done.returncode == 0, done.stderr
    notices = [line for line in done.stderr.splitlines() if CACHE in line]
    assert len(notices) == 1 and f"({user_of(cached.resolver)})" in notices[0], done.stderr
    assert user_of(cached.resolver) not in (0, m.PROXY_UID)
    for uid in (m.APP_UID, 0):
        for option in ("+notcp", "+tcp"):
            assert m.VIP in cached.dig(f"@{CACHE}", "+short", option, "backend.mesh", uid=uid)
            assert m.SERVICE_ADDRESS in cached.dig(f"@{CACHE}", "+short", option,
                                                   "www.outside.example", uid=uid)
    assert cached.metric("meshgate_dns_loops_total") == 0
    assert cached.redirect("status").returncode == 0
