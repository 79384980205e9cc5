"""The start of a machine, played: in namespaces where nothing was before, the commands of the units,
in the order that the units ask for, with nothing but the file at its usual place."""

import contextlib
import pathlib
import shutil
import subprocess
import sys

import mesh as m
import pytest
import units

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netns"))  # firewalld.py

import firewalld as f  # noqa: E402

DNS, REDIRECT, PROXY = "meshgate-dns.service", "meshgate-redirect.service", "kuma-dp.service"
FIREWALLS = ("nftables.service", "firewalld.service")


class Machine:
    """A machine with one firewall, switched off."""

    def __init__(self, mesh, firewall, stack):
        self.mesh, self.firewall, self.stack = mesh, firewall, stack
        mesh.build_network()
        self._own_etc()
        self.order = units.start_order([PROXY, REDIRECT, DNS, firewall])

    def _own_etc(self):
        """A copy of /etc, with what the network's builder has there, and our file."""
        vm, etc = self.mesh.vm, self.mesh.folder / "machine-etc"
        subprocess.run(["cp", "-a", "/etc", etc], check=True)
        for name in ("resolv.conf", "nsswitch.conf"):
            (etc / name).unlink(missing_ok=True)
            shutil.copyfile(self.mesh.folder / name, etc / name)
        shutil.rmtree(etc / "meshgate", ignore_errors=True)
        (etc / "meshgate").mkdir()
        (etc / "nftables.conf").write_text("flush ruleset\ntable inet filter {\n}\n")
        shutil.copyfile(self.mesh.write_config(), etc / "meshgate" / "meshgate.toml")
        vm.bind_file(etc, "/etc")

    def command(self, words):
        """The words of a unit, with our programs where they are now."""
        name = pathlib.Path(words[0]).name
        return [self.mesh.program(name) if name.startswith("meshgate-") else words[0], *words[1:]]

    def run(self, unit, key):
        for words in units.Unit(unit).commands(key):
            self.mesh.vm.run(*self.command(words))

    def start(self):
        for unit in self.order:
            self.run(unit, "ExecStartPre")
            if unit == "firewalld.service":
                self.firewalld = self.stack.enter_context(
                    f.Firewalld(self.mesh.vm, self.mesh.folder))
                self.firewalld.cmd("--permanent", "--add-port=8080/tcp")
                self.firewalld.cmd("--reload")
            elif unit == DNS:
                words, = units.Unit(DNS).commands("ExecStart")
                self.mesh.dns = self.mesh.vm.start(*self.command(words))
                self.mesh.dns.wait_ready(lambda: self.mesh.http("/readyz").strip() == "ready", DNS)
            elif unit == PROXY:
                self.mesh.start_envoy()
            else:
                self.run(unit, "ExecStart")

    def reload_firewall(self):
        """`systemctl reload`, with what it propagates to."""
        assert self.firewall in units.Unit(REDIRECT).words("ReloadPropagatedFrom")
        if self.firewall == "firewalld.service":
            self.firewalld.cmd("--reload")
        else:
            self.run(self.firewall, "ExecReload")
        self.run(REDIRECT, "ExecReload")

    def restart_firewall(self):
        """`systemctl restart`: who is part of it stops before it, and starts after it."""
        part_of = self.firewall in units.Unit(REDIRECT).words("PartOf")
        if part_of:
            self.run(REDIRECT, "ExecStop")
        if self.firewall == "firewalld.service":
            self.firewalld.restart()
        else:
            self.run(self.firewall, "ExecStop")
            self.run(self.firewall, "ExecStart")
        if part_of:
            self.run(REDIRECT, "ExecStart")


def check(mesh):
    with mesh.counting() as rise:
        assert mesh.curl("http://backend.mesh/").stdout.startswith("name=remote ")
        reply = mesh.curl(f"http://{m.VM_ADDRESS}:8080/", namespace=mesh.remote)
        assert reply.stdout == "name=vm port=8080 peer=::ffff:127.0.0.6\n", reply.stderr
        reply = mesh.curl(f"http://[{m.VM_ADDRESS6}]:8080/", namespace=mesh.remote)
        assert reply.stdout == "name=vm port=8080 peer=::6\n", reply.stderr
    assert (rise["backend"], rise["inbound_ipv4"], rise["inbound_ipv6"]) == (1, 1, 1)
    done = mesh.vm.try_run(mesh.program("meshgate-redirect"), "status")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("firewall", FIREWALLS)
def test_a_machine_starts_reloads_its_firewall_and_stops(new_mesh, firewall):
    if firewall == "firewalld.service" and f.missing():
        pytest.skip(f"missing: {', '.join(f.missing())}")
    mesh = new_mesh()
    with contextlib.ExitStack() as stack:
        machine = Machine(mesh, firewall, stack)
        assert machine.order == [firewall, DNS, REDIRECT, PROXY]
        machine.start()
        check(mesh)
        machine.reload_firewall()
        check(mesh)
        machine.restart_firewall()
        check(mesh)
        machine.run(REDIRECT, "ExecStop")
        assert mesh.curl("http://backend.mesh/").returncode == 6
        assert "meshgate" not in mesh.vm.run("nft", "list", "ruleset")


def test_the_units_of_the_distribution_are_the_ones_played():
    for name in FIREWALLS[:1]:
        assert units.Unit(name).commands("ExecStart"), f"no {name} here"
    assert units.Unit(DNS).commands("ExecStart") and units.Unit(REDIRECT).commands("ExecStop")
