"""The network of these tests: a machine whose traffic is captured, a neighbour on either side.

    outside  10.66.1.2, fd66:1::2     (also 198.51.100.9 and fd66:9::9, far away)
       |
      vm     10.66.1.1, fd66:1::1 on up0; 10.66.2.1, fd66:2::1 on lan0
       |
    client   10.66.2.2, fd66:2::2     (a container, a virtual machine, a LAN)

Servers answer every connection and datagram with their name, so that a test sees who was reached.
"""

import contextlib
import itertools
import json
import os
import pathlib
import subprocess

import lab

PROXY, APP, OTHER, SERVICE = 5678, 1000, 1002, 1001  # uids; none needs a passwd entry
VM, VM6 = "10.66.1.1", "fd66:1::1"
LAN, LAN6 = "10.66.2.1", "fd66:2::1"
OUTSIDE, OUTSIDE6 = "10.66.1.2", "fd66:1::2"
FAR, FAR6 = "198.51.100.9", "fd66:9::9"
CLIENT, CLIENT6 = "10.66.2.2", "fd66:2::2"
UPLINK, DOWNLINK = "up0", "lan0"
# A test module that has ENGINES = n.ENGINES runs with each of them.
ENGINES = {"nftables": "",
           "iptables-nft": 'engine = "iptables"\niptables_backend = "nft"',
           "iptables-legacy": 'engine = "iptables"\niptables_backend = "legacy"'}
HERE = pathlib.Path(__file__).resolve().parent

BASE = """
[proxy]
user = 5678
"""
DNS_ALL = """
[redirect.dns]
enabled = true
capture = "all"
protocols = ["udp", "tcp"]
"""


def program():
    build = pathlib.Path(os.environ.get("MESHGATE_BUILD", HERE.parents[1] / "build"))
    return build.resolve() / "src" / "meshgate-redirect" / "meshgate-redirect"


# What a test has put into iptables-legacy, as somebody else: nft does not see it.
LEGACY_FLUSH = """
for six in "" 6; do
    for table in $(cat /proc/net/ip${six}_tables_names 2>/dev/null); do
        "ip${six}tables-legacy" -w -t "$table" -F
        "ip${six}tables-legacy" -w -t "$table" -X
    done
done
"""


class Agent:
    """agent.py in a namespace: agent.tcp(uid=..., to=...) and so on."""

    def __init__(self, namespace):
        self.name = namespace.name
        self.errors = open(namespace.folder / f"{self.name}-agent.log", "w+")
        self.process = subprocess.Popen(namespace.inside([lab.PYTHON, HERE / "agent.py"]),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True, start_new_session=True)

    def begin(self, operation, **arguments):
        self.process.stdin.write(json.dumps({"do": operation, **arguments}) + "\n")
        self.process.stdin.flush()

    def end(self):
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise AssertionError(f"the agent of {self.name} ended:\n{self.errors.read()}")
        return json.loads(line)

    def __getattr__(self, operation):
        def ask(**arguments):
            self.begin(operation, **arguments)
            return self.end()

        return ask

    def close(self):
        self.process.stdin.close()
        self.process.wait(lab.PATIENCE_S)


class Network:
    """The three namespaces, their agents and servers."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.redirect = lab.publish(program(), folder)
        self.namespaces, self.agents = [], []
        self.engine = ""  # lines of [redirect]
        self._numbers = itertools.count()

    def start(self):
        for name in ("vm", "outside", "client"):
            namespace = lab.Namespace(name, self.folder)
            self.namespaces.append(namespace)
            if pathlib.Path("/etc/meshgate").is_dir():
                # The machine's own configuration is not meant here.
                namespace.run("mount", "-t", "tmpfs", "none", "/etc/meshgate")
            setattr(self, f"{name}_namespace", namespace)
        self._connect()
        for name, namespace in zip(("vm", "outside", "client"), self.namespaces):
            agent = Agent(namespace)
            self.agents.append(agent)
            setattr(self, name, agent)
        self._serve()
        return self

    def _connect(self):
        vm, outside, client = self.namespaces
        lab.connect(vm, outside, UPLINK, "vm0",
                    [(f"{VM}/24", f"{OUTSIDE}/24"), (f"{VM6}/64", f"{OUTSIDE6}/64")])
        lab.connect(vm, client, DOWNLINK, "vm0",
                    [(f"{LAN}/24", f"{CLIENT}/24"), (f"{LAN6}/64", f"{CLIENT6}/64")])
        vm.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        # Of refusals, and of redirects to who is its own endpoint, a client gets one a second.
        vm.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        for namespace in (vm, outside, client):
            namespace.run("sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=0")
        outside.run("ip", "address", "add", f"{FAR}/32", "dev", "lo")
        outside.run("ip", "address", "add", f"{FAR6}/128", "dev", "lo")
        outside.run("ip", "route", "add", "10.66.2.0/24", "via", VM)
        outside.run("ip", "route", "add", "fd66:2::/64", "via", VM6)
        client.run("ip", "route", "add", "default", "via", LAN)
        client.run("ip", "route", "add", "default", "via", LAN6)
        self.add_default_routes()

    def add_default_routes(self):
        self.vm_namespace.run("ip", "route", "replace", "default", "via", OUTSIDE)
        self.vm_namespace.run("ip", "route", "replace", "default", "via", OUTSIDE6)

    def bring_ipv6_back(self):
        """After net.ipv6.conf.all.disable_ipv6=1, which takes every address away."""
        vm = self.vm_namespace
        vm.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0")
        for interface, address in ((UPLINK, f"{VM6}/64"), (DOWNLINK, f"{LAN6}/64")):
            vm.run("ip", "address", "add", address, "dev", interface, "nodad")
        self.add_default_routes()

    @contextlib.contextmanager
    def without_default_routes(self):
        self.vm_namespace.run("ip", "-4", "route", "del", "default")
        self.vm_namespace.run("ip", "-6", "route", "del", "default")
        try:
            yield
        finally:
            self.add_default_routes()

    def _serve(self):
        self.outside_log = self.folder / "outside.log"
        self.outside.serve(uid=SERVICE, name="outside", log=str(self.outside_log),
                           tcp=[22, 53, 80, 443, 3000, 3306, 8080], udp=[53, 3000, 5353])
        log = str(self.folder / "vm.log")
        self.vm.serve(uid=SERVICE, name="service", log=log, tcp=[22, 80, 8080, 3306], udp=[3000])
        self.vm.serve(uid=PROXY, name="outbound", log=log, tcp=[15001])
        self.vm.serve(uid=PROXY, name="inbound", log=log, tcp=[15006])
        self.vm.serve(uid=PROXY, name="resolver", log=log, tcp=[15053], udp=[15053],
                      upstream=[OUTSIDE, 53])

    def close(self):
        for agent in self.agents:
            agent.close()
        for namespace in self.namespaces:
            namespace.close()

    # --- the program -----------------------------------------------------------------------------

    def write(self, text, name=None):
        path = self.folder / (name or f"{next(self._numbers)}.toml")
        path.write_text(text)
        path.chmod(0o644)
        return path

    def config(self, text="", nameservers=(OUTSIDE,), base=BASE):
        """A configuration file; `nameservers` are those of its resolv.conf."""
        resolv_conf = self.write("".join(f"nameserver {each}\n" for each in nameservers),
                                 f"{next(self._numbers)}.resolv.conf")
        return self.write(f'resolv_conf = "{resolv_conf}"\n{base}\n{self._with_engine(text)}')

    def _with_engine(self, text):
        if not self.engine:
            return text
        if "[redirect]\n" in text:
            return text.replace("[redirect]\n", f"[redirect]\n{self.engine}\n", 1)
        return f"{text}\n[redirect]\n{self.engine}\n"

    def run(self, *words, config=None, uid=None):
        """meshgate-redirect in the vm; returns the CompletedProcess."""
        options = ["--config", config] if config else []
        return self.vm_namespace.try_run(self.redirect, *words, *options, uid=uid)

    def install(self, text="", **config):
        path = self.config(text, **config)
        done = self.run("install", config=path)
        assert done.returncode == 0, f"{path.read_text()}\n{done.stdout}{done.stderr}"
        self.latest = path
        return path

    def rules(self):
        """What is in force of ours, as text."""
        vm = self.vm_namespace
        if not self.engine:
            return vm.run("nft", "list", "table", "inet", "meshgate")
        backend = "legacy" if "legacy" in self.engine else "nft"
        saved = vm.run(f"iptables-{backend}-save") + vm.run(f"ip6tables-{backend}-save")
        assert "MESHGATE" in saved
        return saved

    def clean(self):
        """As it was before any test: no table, no connection remembered, nothing logged."""
        self.run("uninstall")
        self.vm_namespace.run("nft", "flush", "ruleset")
        self.vm_namespace.run("sh", "-ec", LEGACY_FLUSH)
        self.vm_namespace.try_run("conntrack", "-F")
        self.outside_log.write_text("")

    def seen_outside(self):
        return [json.loads(line) for line in self.outside_log.read_text().splitlines()]

    @contextlib.contextmanager
    def serving(self, agent=None, **server):
        """A server more, in the vm unless another agent is named, while the block runs."""
        agent = agent or self.vm
        log = str(self.folder / f"{next(self._numbers)}.log")
        started = agent.serve(log=log, **server)
        try:
            yield pathlib.Path(log)
        finally:
            agent.stop(pid=started["pid"])
