"""A virtual machine in a mesh: the VM, a remote service and an outside DNS server, each a network
namespace of its own, with a real Envoy, meshgate-dns and meshgate-redirect in the VM.

    outside  10.77.2.2, fd77:2::2   dnsmasq on 53          (the way to everywhere)
       |
      vm     10.77.2.1 / 10.77.1.1, fd77:2::1 / fd77:1::1
       |
    remote   10.77.1.2, fd77:1::2   the service on 8080 and 9999
"""

import contextlib
import os
import pathlib
import signal

import envoy
import lab

PROXY_UID = 5678
APP_UID = 1000  # an ordinary user; it needs no passwd entry
VM_ADDRESS, VM_ADDRESS6 = "10.77.1.1", "fd77:1::1"
SERVICE_ADDRESS, SERVICE_ADDRESS6 = "10.77.1.2", "fd77:1::2"
SERVICE_PORT, STRAIGHT_PORT = 8080, 9999
DNS_ADDRESS, DNS_ADDRESS6 = "10.77.2.2", "fd77:2::2"
SERVICE_LINK, OUTSIDE_LINK = "service0", "outside0"  # the VM's interfaces
VIP, VIP6 = "240.0.0.7", "fd00:fd00::7"
HELPERS = pathlib.Path(__file__).resolve().parent / "helpers"


def build_folder():
    root = pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(os.environ.get("MESHGATE_BUILD", root / "build")).resolve()


class Mesh:
    """The three namespaces and what runs in them. Steps are separate: `start()` does them all."""

    def __init__(self, folder, envoy_binary, native_ipv6=False, default_route=True, ipv6=True):
        self.folder, self.envoy_binary = pathlib.Path(folder), envoy_binary
        self.native_ipv6, self.default_route, self.ipv6 = native_ipv6, default_route, ipv6
        self.namespaces, self.envoy, self.dns = [], None, None
        self.config = self.folder / "meshgate.toml"
        self.admin = self.folder / "run" / "meshgate" / "dns.sock"

    # --- the network ---------------------------------------------------------------------------

    def build_network(self):
        for name in ("vm", "remote", "outside"):
            namespace = lab.Namespace(name, self.folder)
            self.namespaces.append(namespace)
            setattr(self, name, namespace)
        lab.connect(self.vm, self.remote, SERVICE_LINK, "vm0",
                    [(f"{VM_ADDRESS}/24", f"{SERVICE_ADDRESS}/24"),
                     (f"{VM_ADDRESS6}/64", f"{SERVICE_ADDRESS6}/64")])
        lab.connect(self.vm, self.outside, OUTSIDE_LINK, "vm0",
                    [("10.77.2.1/24", f"{DNS_ADDRESS}/24"), ("fd77:2::1/64", f"{DNS_ADDRESS6}/64")])
        if not self.ipv6:
            self.vm.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                        "net.ipv6.conf.default.disable_ipv6=1")
        if self.default_route:
            self.vm.run("ip", "route", "add", "default", "via", DNS_ADDRESS)
            if self.ipv6:
                self.vm.run("ip", "route", "add", "default", "via", DNS_ADDRESS6)
        # Port 22 of the VM is served by an ordinary user here.
        self.vm.run("sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=0")
        self._name_service()
        self._servers()

    def _name_service(self):
        """What the programs of the VM find in /etc, whatever the machine below has there."""
        resolv_conf = self._write("resolv.conf", f"nameserver {DNS_ADDRESS}\n" +
                                  (f"nameserver {DNS_ADDRESS6}\n" if self.ipv6 else ""))
        self.vm.bind_file(resolv_conf, "/etc/resolv.conf")
        if pathlib.Path("/etc/nsswitch.conf").exists():
            self.vm.bind_file(self._write("nsswitch.conf", "passwd: files\nhosts: files dns\n"),
                              "/etc/nsswitch.conf")

    def _servers(self):
        for helper in HELPERS.glob("*.py"):
            lab.publish(helper, self.folder)
        self._serve(self.remote, "web.py", "remote", SERVICE_PORT, STRAIGHT_PORT)
        self._serve(self.vm, "web.py", "vm", 8080, 22, uid=APP_UID)
        self._serve(self.outside, "big_dns.py", 5300)
        config = self._write("dnsmasq.conf", "\n".join([
            "keep-in-foreground", "no-resolv", "no-hosts", "user=root", "pid-file=", "port=53",
            "log-queries", "log-facility=-", "dns-forward-max=10000", "cache-size=0",
            "local=/outside.example/", "server=/big.example/127.0.0.1#5300",
            f"host-record=www.outside.example,{SERVICE_ADDRESS},{SERVICE_ADDRESS6}", ""]))
        self.outside_dns = self.outside.start("dnsmasq", f"--conf-file={config}")
        self.outside_dns.wait_ready(
            lambda: self.outside.try_run("dig", f"@{DNS_ADDRESS}", "www.outside.example",
                                         "+time=1", "+tries=1").returncode == 0, "dnsmasq")

    def _serve(self, namespace, helper, *arguments, uid=None):
        server = namespace.start(lab.PYTHON, self.folder / helper, *arguments, uid=uid)
        server.wait_ready(lambda: "ready" in server.output(), helper)

    def _write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    # --- Meshgate ------------------------------------------------------------------------------

    def write_config(self, extra=""):
        """The one TOML file of the VM; `extra` comes after it."""
        vips = [VIP] + ([VIP6] if self.native_ipv6 else [])
        address = f'"{VIP}"' if len(vips) == 1 else "[" + ", ".join(f'"{v}"' for v in vips) + "]"
        ipv6 = "fd00:fd00::/64" if self.native_ipv6 else "mapped"
        return self._write("meshgate.toml", f"""\
[proxy]
user = {PROXY_UID}

[redirect.inbound]
exclude_ports = [22]

[redirect.outbound]
exclude_ports = [{STRAIGHT_PORT}]

[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"]

[dns]
admin = "unix:{self.admin}"

[vip]
ipv6 = "{ipv6}"
state = "{self.folder}/lib/meshgate/vips.toml"

[[service]]
name = "backend"
port = 80
address = {address}
endpoints = ["{SERVICE_ADDRESS}:{SERVICE_PORT}", "[{SERVICE_ADDRESS6}]:{SERVICE_PORT}"]
{extra}""")

    def program(self, name):
        """The program, copied to where the proxy's user can run it."""
        path = self.folder / name
        if not path.exists():
            lab.publish(build_folder() / "src" / name / name, self.folder)
        return path

    def start_envoy(self):
        rows = [("backend", VIP, 80, SERVICE_ADDRESS, SERVICE_PORT)]
        if self.native_ipv6:
            rows.append(("backend_ipv6", VIP6, 80, SERVICE_ADDRESS6, SERVICE_PORT))
        self.envoy = envoy.Envoy(self.vm, self.envoy_binary, self.folder, rows, PROXY_UID)

    def start_dns(self):
        """As root, like a service manager does; the program changes to the proxy's user itself."""
        self.dns = self.vm.start(self.program("meshgate-dns"), "serve", "--config", self.config)
        self.dns.wait_ready(lambda: self.http("/readyz").strip() == "ready", "meshgate-dns")

    def redirect(self, *words):
        """Runs a verb of meshgate-redirect with the configuration of the VM."""
        return self.vm.try_run(self.program("meshgate-redirect"), *words, "--config", self.config)

    def install(self):
        done = self.redirect("install")
        assert done.returncode == 0, done.stderr
        return done

    def uninstall(self):
        done = self.redirect("uninstall")
        assert done.returncode == 0, done.stderr
        return done

    def start(self):
        self.build_network()
        self.write_config()
        self.start_dns()
        self.start_envoy()
        self.install()
        return self

    def close(self):
        for namespace in self.namespaces:
            namespace.close()

    # --- questions that tests ask -----------------------------------------------------------------

    def http(self, path):
        """A page of the admin endpoint of meshgate-dns; "" when nothing answers."""
        return self.vm.try_run("curl", "--silent", "--max-time", "5", "--unix-socket", self.admin,
                               f"http://meshgate{path}").stdout

    def metric(self, start):
        """The sum of the metrics whose line starts with `start`."""
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.http("/metrics").splitlines()
                   if line.startswith(start))

    def dns_verb(self, *words, uid=None):
        return self.vm.try_run(self.program("meshgate-dns"), *words, "--config", self.config,
                               uid=uid)

    def reload(self):
        done = self.dns_verb("reload")
        assert done.returncode == 0, done.stderr

    def curl(self, url, *options, namespace=None, uid=APP_UID):
        """What an application does; by default in the VM, as an ordinary user."""
        return (namespace or self.vm).try_run(
            "curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "10",
            *options, url, uid=uid)

    def dig(self, *words, uid=APP_UID):
        """The reply to a question to the VM's name server, as dig prints it."""
        words = [f"@{DNS_ADDRESS}"] + list(words) if not str(words[0]).startswith("@") else words
        return self.vm.run("dig", "+time=5", "+tries=1", *words, uid=uid)

    def client(self, *words, uid=APP_UID):
        """Starts the question client of helpers/ask.py in the VM."""
        return self.vm.start(lab.PYTHON, self.folder / "ask.py", *words, uid=uid)

    @contextlib.contextmanager
    def counting(self):
        """The connections that each of Envoy's clusters is given within the block."""
        rise = {}
        before = self.envoy.connections()
        yield rise
        after = self.envoy.connections()
        rise.update({name: after[name] - before[name] for name in after})


def stop_dns(mesh):
    """Ends meshgate-dns politely; returns its exit status."""
    return mesh.dns.stop(signal.SIGTERM)
