"""The appliance below what its units allow: who has which address is written whoever comes first, and
read by the other, at the usual places."""

import pathlib
import re
import subprocess

import edge as e
import lab
import pytest
import sandbox
import units

DNS, GUARD, REDIRECT = "meshgate-dns.service", "meshgate-guard.service", "meshgate-redirect.service"
STATE, RUN = pathlib.Path("/var/lib/meshgate"), pathlib.Path("/run/meshgate")
TRACES = pathlib.Path("/run/traces")
USER = 5678  # dns.user, unless somebody says another


class Machine(e.Edge):
    """A box whose /etc, /run and /var/lib are its own; nothing of ours is there at first."""

    def __init__(self, folder):
        super().__init__(folder)
        self.build_network()
        self.services = ["backend"]
        etc = self.folder / "machine-etc"
        subprocess.run(["cp", "-a", "/etc", etc], check=True)
        (etc / "resolv.conf").unlink(missing_ok=True)
        (etc / "resolv.conf").write_text(f"nameserver {e.OUTSIDE}\n")
        (etc / "meshgate").mkdir(exist_ok=True)
        self.config = etc / "meshgate/meshgate.toml"
        self.box.bind_file(etc, "/etc")
        for path in ("/run", "/var/lib", "/var/log"):
            self.box.run("mount", "-t", "tmpfs", "none", path)
        for name in ("meshgate-dns", "meshgate-redirect"):
            self.box.run("cp", self.program(name), "/run/")  # /tmp is hidden from the units
        self.box.run("mkdir", TRACES)
        self.write_services()

    def write_services(self):
        head = e.CONFIG[:e.CONFIG.index("[[service]]")].format(folder="/x", user="")
        head = re.sub(r'(state|admin) = ".*"\n', "", head).replace("[guard]\n", "")
        self.config.write_text(head + "".join(
            f'[[service]]\nname = "{name}"\nendpoints = ["10.77.2.11:8080"]\n' for name in self.services))

    def start_unit(self, name):
        """As a service manager does; what is not confined has "+" before it."""
        unit = units.Unit(name)
        box = sandbox.Sandbox(unit)
        for path in box.own_folders():
            self.box.run("mkdir", "-p", path)
        for line in re.findall(r"^ExecStartPre=(.*)$", unit.text, re.M):
            words = line.lstrip("+").split()
            confined = [] if line.startswith("+") else self.confined(box, words)
            self.box.run(*(confined or words))
        words, = unit.commands("ExecStart")
        return self.confined(box, words)

    def confined(self, box, words):
        self.trace = TRACES / f"{box.unit.name}.{pathlib.Path(words[0]).name}"
        return box.wrap(f"/run/{pathlib.Path(words[0]).name}", *words[1:], trace=self.trace)

    def start_dns(self):
        self.dns = self.box.start(*self.start_unit(DNS))
        self.dns.wait_ready(lambda: self.ask("dns", "/readyz").strip() == "ready", DNS)

    def start_guard(self):
        self.guard = self.box.start(*self.start_unit(GUARD))
        self.guard.wait_ready(lambda: self.ask("guard", "/readyz") == "ready", GUARD)

    def ask(self, name, path):
        return self.box.try_run("curl", "--silent", "--max-time", "5", "--unix-socket",
                                RUN / f"{name}.sock", f"http://meshgate{path}").stdout

    def install(self):
        self.box.run(*self.start_unit(REDIRECT))

    def change(self, name, *services):
        """More of them, and the program (below its strace) is told."""
        self.services += services
        self.write_services()
        for pid in self.pids(name):
            self.box.run("kill", "-HUP", pid)

    def pids(self, name):
        """Of the program in this box, whose file nobody else has."""
        return self.box.run("sh", "-ec", "for each in /proc/[0-9]*; do "
                            f"[ ! $each/exe -ef /run/{name} ] || echo ${{each#/proc/}}; done").split()

    def stop(self, name, process):
        for pid in self.pids(name):
            self.box.run("kill", "-KILL", pid)
        process.wait()

    def state(self):
        return dict(re.findall(r'^"(.*)" = "([\d.]+)"$', self.box.run("cat", STATE / "vips.toml"), re.M))

    def wait_state(self, *names):
        wanted = {name: f"240.0.0.{number}" for number, name in enumerate(names)}
        lab.wait_until(lambda: self.state() == wanted, f"{wanted}")

    def addresses(self):
        return {name: self.box.run("dig", "+short", f"{name}.mesh", "@8.8.8.8").strip()
                for name in self.services}

    def check(self):
        assert self.addresses() == self.state()
        assert self.box.run("sh", "-ec", f"stat -c %a {STATE}/vips.toml") == "644\n"
        done = self.box.try_run("/run/meshgate-redirect", "status")
        assert done.returncode == 0, done.stdout
        assert self.curl("http://backend.mesh/")[1] == "blue"

    def sockets(self):
        """The families of all sockets that were asked for."""
        return {family for path in self.box.run("find", TRACES, "-type", "f").split()
                for family in re.findall(r"socket\((AF_\w+)", self.box.run("cat", path))}


@pytest.fixture
def machine():
    with lab.lab_folder() as folder:
        made = Machine(folder)
        try:
            yield made
        finally:
            made.close()


def test_the_units_keep_the_addresses_over_starts_and_reloads(machine):
    machine.start_dns()
    machine.start_guard()
    machine.wait_state("backend")
    machine.check()
    machine.change("meshgate-dns", "shop")
    machine.wait_state("backend", "shop")
    machine.change("meshgate-redirect")
    lab.wait_until(lambda: machine.curl("http://shop.mesh/")[1] == "blue", "the new service")
    machine.check()
    machine.stop("meshgate-dns", machine.dns)
    machine.change("meshgate-redirect", "third")  # in a folder of another user, beside his file
    machine.wait_state("backend", "shop", "third")
    machine.start_dns()
    machine.check()
    machine.change("meshgate-dns", "fourth")
    machine.wait_state("backend", "shop", "third", "fourth")
    machine.stop("meshgate-redirect", machine.guard)
    machine.stop("meshgate-dns", machine.dns)
    machine.start_dns()
    machine.start_guard()
    machine.check()
    allowed = set(units.Unit(DNS).words("RestrictAddressFamilies"))
    assert allowed == set(units.Unit(GUARD).words("RestrictAddressFamilies"))
    assert machine.sockets() <= allowed


@pytest.mark.parametrize("first", ["install", "start_guard"])
def test_the_capture_that_comes_first_writes_them_itself(machine, first):
    """meshgate-dns was never here; then it is, takes them over, and goes on writing."""
    getattr(machine, first)()
    machine.wait_state("backend")
    machine.start_dns()
    machine.check()
    machine.change("meshgate-dns", "shop")
    machine.wait_state("backend", "shop")
    owner = machine.box.run("stat", "-c", "%u", STATE / "vips.toml")
    assert owner == f"{USER}\n"
