"""An edge appliance: a box without a proxy, whose kernel balances the services of the mesh among
their back ends. Each a network namespace of its own:

    outside  10.77.2.2      dnsmasq on 53, the back ends:
       |                    backend on 10.77.2.11 and .12:8080, shop on 10.77.2.21 and .22:9000
      box    10.77.2.1      meshgate-dns, meshgate-redirect guard
       |     10.77.3.1
      lan    10.77.3.2      a client that asks 8.8.8.8
"""

import pathlib

import lab
import mesh as m

APP_UID = 1000
LAN_LINK, OUTSIDE_LINK = "lan0", "outside0"  # the box's interfaces
BOX, LAN_BOX, LAN, OUTSIDE = "10.77.2.1", "10.77.3.1", "10.77.3.2", "10.77.2.2"
SERVICES = {"backend": {"10.77.2.11:8080": "blue", "10.77.2.12:8080": "green"},
            "shop": {"10.77.2.21:9000": "apple", "10.77.2.22:9000": "pear"}}

CONFIG = """\
[proxy]
enabled = false

[vip]
mode = "kernel"                   # no proxy: the kernel sends a connection to a back end
state = "{folder}/lib/meshgate/vips.toml"

[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"]

[[redirect.network]]              # the machines behind this interface may use it all too
interface = "lan0"
cidr = "10.77.3.0/24"

[dns]
listen = ["127.0.0.1:15053", "lan0:15053"]
admin = "unix:{folder}/run/dns.sock"
{user}
[guard]
admin = "unix:{folder}/run/guard.sock"

[[service]]
name = "backend"
endpoints = ["10.77.2.11:8080", "10.77.2.12:8080"]
health = {{ check = "http", interval = "500ms", rise = 2, fall = 2 }}

[[service]]
name = "shop"
endpoints = ["10.77.2.21:9000", {{ address = "10.77.2.22:9000", weight = 3 }}]
health = {{ check = "tcp", interval = "500ms" }}
"""


class Edge:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "meshgate.toml"
        self.namespaces, self.back_ends = [], {}

    def build_network(self):
        for name in ("box", "lan", "outside"):
            namespace = lab.Namespace(name, self.folder)
            self.namespaces.append(namespace)
            setattr(self, name, namespace)
        lab.connect(self.box, self.outside, OUTSIDE_LINK, "box0",
                    [(f"{BOX}/24", f"{OUTSIDE}/24")])
        lab.connect(self.box, self.lan, LAN_LINK, "box0", [(f"{LAN_BOX}/24", f"{LAN}/24")])
        self.box.run("ip", "route", "add", "default", "via", OUTSIDE)
        self.lan.run("ip", "route", "add", "default", "via", LAN_BOX)
        self.outside.run("ip", "route", "add", "10.77.3.0/24", "via", BOX)
        self.box.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.box.bind_file(self._write("resolv.conf", f"nameserver {OUTSIDE}\n"), "/etc/resolv.conf")
        self.lan.bind_file(self._write("lan.resolv.conf", "nameserver 8.8.8.8\n"), "/etc/resolv.conf")
        self._name_server()
        for endpoints in SERVICES.values():
            for at in endpoints:
                self.outside.run("ip", "address", "add", at.split(":")[0] + "/24", "dev", "box0")
                self.start_back_end(at)

    def _write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def _name_server(self):
        config = self._write("dnsmasq.conf", "\n".join([
            "keep-in-foreground", "no-resolv", "no-hosts", "user=root", "pid-file=", "port=53",
            "log-queries", "log-facility=-", f"host-record=www.outside.example,{OUTSIDE}", ""]))
        self.name_server = self.outside.start("dnsmasq", f"--conf-file={config}")
        self.name_server.wait_ready(
            lambda: self.outside.try_run("dig", f"@{OUTSIDE}", "www.outside.example", "+time=1",
                                         "+tries=1").returncode == 0, "dnsmasq")

    def start_back_end(self, at):
        name = next(names[at] for names in SERVICES.values() if at in names)
        script = lab.publish(m.HELPERS / "backend.py", self.folder)
        process = self.outside.start(lab.PYTHON, script, at, name)
        process.wait_ready(lambda: "ready" in process.output(), f"back end {name}")
        self.back_ends[at] = process

    def stop_back_end(self, at):
        self.back_ends[at].stop()

    def write_config(self):
        self.user = ""
        return self._write("meshgate.toml", CONFIG.format(folder=self.folder, user=self.user))

    def program(self, name):
        path = self.folder / name
        if not path.exists():
            lab.publish(m.build_folder() / "src" / name / name, self.folder)
        return path

    def start(self):
        self.build_network()
        self.write_config()
        self.start_dns()
        self.start_guard()
        return self

    def start_dns(self):
        self.dns = self.box.start(self.program("meshgate-dns"), "serve", "--config", self.config)
        self.dns.wait_ready(lambda: self.http("dns", "/readyz").strip() == "ready", "meshgate-dns")

    def start_guard(self):
        self.guard = self.box.start(self.program("meshgate-redirect"), "guard", "--config", self.config)
        self.guard.wait_ready(lambda: self.http("guard", "/readyz") == "ready", "the guard")

    def http(self, name, path):
        return self.box.try_run("curl", "--silent", "--max-time", "5", "--unix-socket",
                                self.folder / "run" / f"{name}.sock",
                                f"http://meshgate{path}").stdout

    def verb(self, program, *words):
        return self.box.try_run(self.program(program), *words, "--config", self.config)

    def curl(self, url, namespace=None, uid=APP_UID):
        """What an application does: (its exit status, what it got)."""
        done = (namespace or self.box).try_run(
            "curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "10", url,
            uid=uid)
        return done.returncode, (done.stdout or done.stderr).strip()

    def answers(self, url, count, namespace=None):
        """How often who answered."""
        found = {}
        for _ in range(count):
            status, text = self.curl(url, namespace)
            text = text if status == 0 else f"curl {status}"
            found[text] = found.get(text, 0) + 1
        return found

    def wait_log(self, text, count=1):
        lab.wait_until(lambda: self.guard.output().count(text) >= count, f"the guard: {text}")

    def close(self):
        for namespace in self.namespaces:
            namespace.close()
