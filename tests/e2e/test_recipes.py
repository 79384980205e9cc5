"""The machine's own resolver sends the names of the mesh to meshgate-dns, and DNS is not captured: the
recipes of contrib/resolver, each with the real resolver, applied and undone by what it says itself."""

import re
import shutil
import signal

import lab
import mesh as m
import private_bus
import pytest
import recipes

AAAA = f"::ffff:{m.VIP}"
PRIVATE = "10.1.2.3"  # an answer that guards against rebinding would not let through
# What DNSSEC believes of the root; nobody here can prove anything by it.
ANCHOR = "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
ROUTES = "~mesh.local"


@pytest.fixture
def host(new_mesh):
    """A VM with nothing of ours in its way but meshgate-dns, which the test starts."""
    mesh = new_mesh()
    mesh.build_network()
    mesh.write_config(f'[[record]]\nname = "db.mesh"\ntype = "A"\nvalue = "{PRIVATE}"\n')
    return recipes.Host(mesh)


def ask(host, server, *words):
    done = host.vm.try_run("dig", f"@{server}", "+time=5", "+tries=1", "+noall", "+answer", "+comments",
                           *words)
    status = re.search(r"status: (\w+)", done.stdout)
    values = [line.split()[4] for line in done.stdout.splitlines() if line and line[0] != ";"]
    return status and status[1], values


def program_asks(host, name):
    """What an application gets from the C library."""
    return host.vm.try_run("getent", "ahostsv4", name).stdout.split()[:1]


def check_names(host, server):
    before = len(host.mesh.outside_dns.output())
    for name in ("backend.mesh", "BackEnd.mesh.local"):
        for option in ("+notcp", "+tcp"):
            assert ask(host, server, name, "A", option) == ("NOERROR", [m.VIP])
        assert ask(host, server, name, "AAAA") == ("NOERROR", [AAAA])
        assert ask(host, server, name, "TXT") == ("NOERROR", [])
    assert ask(host, server, "db.mesh") == ("NOERROR", [PRIVATE])
    assert ask(host, server, "nobody.mesh") == ("NXDOMAIN", [])
    assert ask(host, server, "-x", m.VIP)[1] == ["backend.mesh."]
    # Nobody outside was asked.
    assert not re.search(r"query\[\w+\] \S*mesh", host.mesh.outside_dns.output()[before:], re.I)


def check_applied(host, server):
    check_names(host, server)
    assert program_asks(host, "backend.mesh") == program_asks(host, "backend.mesh.local") == [m.VIP]
    assert ask(host, server, "www.outside.example") == ("NOERROR", [m.SERVICE_ADDRESS])
    assert program_asks(host, "www.outside.example") == [m.SERVICE_ADDRESS]
    # Through meshgate-dns too, which asks whom resolv.conf names: no circle.
    assert ask(host, "127.0.0.1", "-p", "15053", "www.outside.example")[1] == [m.SERVICE_ADDRESS]
    assert host.mesh.metric("meshgate_dns_loops_total") == 0


def check_undone(host, server, before):
    assert host.files() == before
    assert ask(host, server, "backend.mesh")[1] == []
    assert ask(host, server, "www.outside.example") == ("NOERROR", [m.SERVICE_ADDRESS])


def point_at(host, server):
    host.write("resolv.conf", f"nameserver {server}\n")


# --- dnsmasq and unbound --------------------------------------------------------------------------

def dnsmasq(host, more=()):
    """As Debian's unit starts it: its own file, then those of /etc/dnsmasq.d."""
    (host.etc / "dnsmasq.d").mkdir(exist_ok=True)
    host.write("dnsmasq.conf", "\n".join([
        "keep-in-foreground", "no-resolv", "no-hosts", "user=root", "pid-file=", "bind-interfaces",
        "listen-address=127.0.0.1", f"server={m.DNS_ADDRESS}", "stop-dns-rebind",
        "rebind-domain-ok=/outside.example/", *more, ""]))
    return ["dnsmasq", "--conf-file=/etc/dnsmasq.conf", "--conf-dir=/etc/dnsmasq.d,*.conf"]


def unbound(host, more=()):
    for file in (host.etc / "unbound/unbound.conf.d").glob("*.conf"):
        file.unlink()
    host.write("unbound/unbound.conf", "\n".join([
        "server:", 'chroot: ""', 'pidfile: ""', "use-syslog: no", "do-daemonize: no",
        'username: ""', "interface: 127.0.0.1", "private-address: 240.0.0.0/4",
        "private-address: ::ffff:0:0/96", "private-address: 10.0.0.0/8", "private-address: fd00::/8",
        'private-domain: "outside.example"', *more, "forward-zone:", 'name: "."',
        f"forward-addr: {m.DNS_ADDRESS}", 'include-toplevel: "/etc/unbound/unbound.conf.d/*.conf"', ""]))
    return ["unbound", "-d", "-c", "/etc/unbound/unbound.conf"]


PLAIN = {"dnsmasq": (dnsmasq, []), "unbound": (unbound, ['module-config: "iterator"'])}
VALIDATING = {"dnsmasq": (dnsmasq, ["dnssec", f"trust-anchor=.,{ANCHOR.replace(' ', ',')}"]),
              "unbound": (unbound, [f'trust-anchor: ". DS {ANCHOR}"'])}


def started(host, name, kinds):
    make, more = kinds[name]
    assert shutil.which(name), f"no {name}: tests/run.sh installs it"
    host.services[name] = recipes.Daemon(
        host, make(host, more), lambda: ask(host, "127.0.0.1", "localhost")[0]).start()
    point_at(host, "127.0.0.1")
    host.mesh.start_dns()
    return host.services[name]


@pytest.mark.parametrize("name", PLAIN)
def test_applied_and_undone(host, name):
    started(host, name, PLAIN)
    before = host.files()
    check_undone(host, "127.0.0.1", before)
    host.apply(f"{name}.conf")
    check_applied(host, "127.0.0.1")
    host.undo(f"{name}.conf")
    check_undone(host, "127.0.0.1", before)


@pytest.mark.parametrize("name", VALIDATING)
def test_names_of_the_mesh_are_not_validated_where_others_are(host, name):
    started(host, name, VALIDATING)
    assert ask(host, "127.0.0.1", "www.outside.example")[0] == "SERVFAIL"  # nothing can be proved here
    host.apply(f"{name}.conf")
    check_names(host, "127.0.0.1")


# --- NetworkManager -------------------------------------------------------------------------------

NETWORK_MANAGER = f"""[main]
plugins=keyfile
rc-manager=file
[keyfile]
unmanaged-devices=*
[global-dns]
[global-dns-domain-*]
servers={m.DNS_ADDRESS}
"""


class NetworkManager(recipes.Daemon):
    """The daemon, which has no connection here: it knows the network's name server by its own file."""

    def reload(self):
        """As its unit does it, and until it has done it: with dns=dnsmasq somebody is at port 53."""
        wanted = (self.host.etc / "NetworkManager/conf.d/meshgate.conf").exists()
        self.process.send_signal(signal.SIGHUP)
        lab.wait_until(lambda: nameservers(self.host) == ["127.0.0.1" if wanted else m.DNS_ADDRESS] and
                       bool(ask(self.host, "127.0.0.1", "localhost")[0]) == wanted, "the reload")


def test_networkmanager(host):
    host.use("network-manager", "libndp0")
    host.vm.run("mount", "-t", "tmpfs", "none", "/var/lib")
    host.vm.run("mkdir", "/var/lib/NetworkManager")
    host.write("NetworkManager/NetworkManager.conf", NETWORK_MANAGER)
    with private_bus.PrivateBus(host.vm, host.mesh.folder) as bus:
        daemon = NetworkManager(host, ["NetworkManager", "--no-daemon"],
                                lambda: not host.vm.try_run(
                                    "busctl", f"--address=unix:path={bus.socket}", "status",
                                    "org.freedesktop.NetworkManager").returncode,
                                bus.using).start()
        host.services["NetworkManager"] = daemon
        host.mesh.start_dns()
        daemon.reload()  # from here on resolv.conf is its own
        before = host.files()
        host.apply("NetworkManager.conf")
        check_applied(host, "127.0.0.1")
        host.undo("NetworkManager.conf")
        assert host.files() == before and ask(host, "127.0.0.1", "backend.mesh")[0] is None
        assert program_asks(host, "www.outside.example") == [m.SERVICE_ADDRESS]
        daemon.process.stop()


# --- systemd-resolved -----------------------------------------------------------------------------

STUB = "127.0.0.53"


@pytest.fixture
def resolved(host):
    """systemd-resolved beside a link that has the network's name server, as networkd would tell it."""
    assert private_bus.is_there(), "no dbus-daemon: tests/run.sh installs it"
    host.use("systemd-resolved")
    host.write("passwd", (host.etc / "passwd").read_text() +
               "systemd-resolve:x:991:991::/:/usr/sbin/nologin\n")
    host.write("group", (host.etc / "group").read_text() + "systemd-resolve:x:991:\n")
    host.vm.run("mkdir", "/run/systemd")
    host.write("nsswitch.conf", "passwd: files\nhosts: files dns\n")
    host.write("systemd/resolved.conf.d/no-others.conf", "[Resolve]\nLLMNR=no\nMulticastDNS=no\n")
    with private_bus.PrivateBus(host.vm, host.mesh.folder) as bus:
        host.services["bus"] = bus

        def with_link():
            """The link's servers, which networkd keeps and this VM has to tell after each start."""
            if not ask(host, STUB, "localhost")[0]:
                return False
            host.vm.run(*bus.using("resolvectl", "dns", m.OUTSIDE_LINK, m.DNS_ADDRESS))
            return True

        daemon = recipes.Daemon(host, ["/lib/systemd/systemd-resolved"], with_link, bus.using)
        host.services["systemd-resolved"] = daemon.start()
        point_at(host, STUB)
        yield host
        daemon.process.stop()


def start_dns_beside(host):
    """meshgate-dns with the line that systemd-resolved.conf asks for."""
    text = recipes.FOLDER.joinpath("systemd-resolved.conf").read_text()
    line = re.search(r'^#     (resolv_conf = ".*")$', text, re.M)[1]
    config = host.mesh.config
    config.write_text(f"{line}\n{config.read_text()}")
    host.mesh.start_dns()


def test_resolved_by_its_configuration(resolved):
    start_dns_beside(resolved)
    before = resolved.files()
    check_undone(resolved, STUB, before)
    resolved.apply("systemd-resolved.conf")
    check_applied(resolved, STUB)
    resolved.undo("systemd-resolved.conf")
    check_undone(resolved, STUB, before)


def test_resolved_by_a_link_is_asked_for_nothing_else(resolved):
    resolved.mesh.start_dns()  # and may ask the stub in turn
    if resolved.vm.try_run("ip", "link", "add", "probe0", "type", "dummy").returncode:
        # A small kernel without such links: one whose other end nobody has does as well.
        resolved.instead["mesh0 type dummy"] = "mesh0 type veth peer name mesh0-end"
        resolved.instead["mesh0 up"] = "mesh0 up && ip link set mesh0-end up"
    before = resolved.files()
    resolved.apply("meshgate-link.service")
    asked = resolved.mesh.metric("meshgate_dns_queries_total")
    for name in ("www.outside.example", "no.outside.example"):
        ask(resolved, STUB, name)
    assert resolved.mesh.metric("meshgate_dns_queries_total") == asked
    check_applied(resolved, STUB)
    resolved.undo("meshgate-link.service")
    check_undone(resolved, STUB, before)
    assert "mesh0" not in resolved.vm.run("ip", "link")


def test_resolved_leaves_mesh_local_to_mdns_unless_told(resolved):
    start_dns_beside(resolved)
    resolved.apply("systemd-resolved.conf")
    resolved.edit("systemd/resolved.conf.d/meshgate.conf", f" {ROUTES} ", " ")
    resolved.services["systemd-resolved"].restart()
    assert ask(resolved, STUB, "backend.mesh")[1] == [m.VIP]
    assert ask(resolved, STUB, "backend.mesh.local")[1] == []


def test_resolved_that_validates(resolved):
    start_dns_beside(resolved)
    resolved.apply("systemd-resolved.conf")
    resolved.write("systemd/resolved.conf.d/validate.conf", "[Resolve]\nDNSSEC=yes\n")
    resolved.services["systemd-resolved"].restart()
    before = resolved.files()
    assert ask(resolved, STUB, "backend.mesh")[0] == "SERVFAIL"
    resolved.apply("dnssec.negative")
    check_names(resolved, STUB)
    resolved.undo("dnssec.negative")
    assert resolved.files() == before
    assert ask(resolved, STUB, "backend.mesh")[0] == "SERVFAIL"


def test_resolved_that_knows_no_ports(resolved):
    """As before version 246."""
    listen_at_port_53(resolved)
    start_dns_beside(resolved)
    resolved.apply("systemd-resolved.conf")
    resolved.edit("systemd/resolved.conf.d/meshgate.conf", "127.0.0.1:15053", PORT_53)
    resolved.services["systemd-resolved"].restart()
    check_applied(resolved, STUB)


# --- resolvconf -----------------------------------------------------------------------------------

PORT_53 = "127.0.0.55"  # in README.md and in the recipe


def listen_at_port_53(host):
    config = host.mesh.config
    listen = f'listen = ["127.0.0.1:15053", "[::1]:15053", "{PORT_53}:53"]'
    assert listen in (recipes.FOLDER / "resolvconf.conf").read_text()
    config.write_text(config.read_text().replace("[dns]\n", f"[dns]\n{listen}\n"))


class MeshgateDns:
    """The service of the VM, with what a drop-in has it do before and after."""

    def __init__(self, host):
        self.host = host

    def start(self):
        self.host.run_unit("meshgate-dns", "ExecStartPre")
        self.host.mesh.start_dns()
        self.host.run_unit("meshgate-dns", "ExecStartPost")

    def stop(self):
        self.host.mesh.dns.stop()
        self.host.run_unit("meshgate-dns", "ExecStopPost")

    def restart(self):
        self.stop()
        self.start()


def with_resolvconf(host, package):
    """The VM with resolvconf, or openresolv, which knows the network's name server."""
    host.use(package)
    files = recipes.package(package)
    shutil.rmtree(host.etc / "resolvconf", ignore_errors=True)  # what other packages put there
    host.vm.run("cp", "-a", f"{files}/etc/.", "/etc")
    (host.etc / "resolv.conf").unlink()
    if package == "resolvconf":
        host.vm.run("mkdir", "-p", "/run/resolvconf/interface")
        host.vm.run("touch", "/run/resolvconf/enable-updates", "/run/resolvconf/resolv.conf")
        (host.etc / "resolv.conf").symlink_to("/run/resolvconf/resolv.conf")
    host.vm.run("resolvconf", "-a", "eth0.dhclient",
                input=f"nameserver {m.DNS_ADDRESS}\nsearch corp.example\n")
    host.services["meshgate-dns"] = MeshgateDns(host)
    host.mesh.start_dns()
    return nameservers(host)


def nameservers(host):
    lines = host.vm.run("cat", "/etc/resolv.conf").splitlines()
    return [line.split()[1] for line in lines if line.startswith("nameserver")]


def configure_upstreams(host):
    """The lines that the recipe has for meshgate.toml."""
    plain = host.mesh.config.read_text()
    listen_at_port_53(host)
    text = (recipes.FOLDER / "resolvconf.conf").read_text()
    line = re.search(r'^#     (resolv_conf = ".*")$', text, re.M)[1]
    host.mesh.config.write_text(f"{line}\n{host.mesh.config.read_text()}")
    return plain


def test_resolvconf(host):
    assert with_resolvconf(host, "resolvconf") == [m.DNS_ADDRESS]
    before = host.files()
    plain = configure_upstreams(host)
    host.apply("resolvconf.conf")
    assert nameservers(host) == [PORT_53]
    check_applied(host, PORT_53)
    # Another network comes and goes: meshgate-dns is told, programs ask it as before.
    host.vm.run("resolvconf", "-a", "wlan0.dhclient", input="nameserver 192.0.2.53\n")
    assert nameservers(host) == [PORT_53]
    assert "192.0.2.53" in host.vm.run("cat", "/run/meshgate-upstreams.conf")
    host.vm.run("resolvconf", "-d", "wlan0.dhclient")
    host.services["meshgate-dns"].stop()
    assert nameservers(host) == [m.DNS_ADDRESS]  # nobody is left without a name server
    host.services["meshgate-dns"].start()
    host.mesh.config.write_text(plain)
    host.undo("resolvconf.conf")
    assert nameservers(host) == [m.DNS_ADDRESS] and host.files() == before


def test_openresolv(host):
    assert with_resolvconf(host, "openresolv") == [m.DNS_ADDRESS]
    configure_upstreams(host)
    text = (recipes.FOLDER / "resolvconf.conf").read_text()
    lines = re.findall(r"^#     ((?:name_servers|dnsmasq_resolv)=.*)$", text, re.M)
    assert len(lines) == 2
    plain = (host.etc / "resolvconf.conf").read_text()
    host.write("resolvconf.conf", "\n".join([plain, *lines, ""]))
    host.vm.run("resolvconf", "-u")
    host.services["meshgate-dns"].restart()
    assert nameservers(host) == [PORT_53]
    check_applied(host, PORT_53)
    host.write("resolvconf.conf", plain)
    host.vm.run("resolvconf", "-u")
    assert nameservers(host) == [m.DNS_ADDRESS]
