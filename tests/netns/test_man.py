"""The manual pages: every verb has an example, every finding is explained, and what the examples say
works. They are run in the order in which they stand, in a namespace of their own."""

import json
import re
import subprocess
import sys

import lab
import network as n
import pytest

MAN = n.HERE.parents[1] / "contrib" / "man"
SOURCES = n.HERE.parents[1] / "src"
CONFIG = """
[proxy]
user = 5678
[redirect.inbound]
exclude_ports = [22]
[redirect.dns]
enabled = true
capture = "all"
[dns]
user = "root"
upstreams = ["127.0.0.1:5300"]
[[service]]
name = "backend"
"""
# What ends otherwise than with 0 on a machine without a proxy.
STATUS = {"meshgate-redirect doctor": 1, "meshgate-redirect doctor --probe --json": 1}


def blocks(page):
    text = page.read_text()
    examples = text[text.index("# EXAMPLES"):text.index("# SEE ALSO")]
    return re.findall(r"^```\n(.*?)^```\n", examples, re.S | re.M)


def commands(page):
    return [line.removeprefix("# ") for block in blocks(page) for line in block.splitlines()]


def verbs_of(program):
    """Those that --help lists."""
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    lines = text[text.index("Verbs:"):text.index("\n\n", text.index("Verbs:"))].splitlines()[1:]
    return {line.split()[0] for line in lines if re.match(r"  \w", line)}


def dns_program():
    return n.program().parents[1] / "meshgate-dns" / "meshgate-dns"


@pytest.mark.parametrize("program", [n.program(), dns_program()], ids=lambda path: path.name)
def test_every_verb_has_an_example(program):
    shown = {line.split()[1] for line in commands(MAN / f"{program.name}.8.scd")}
    assert verbs_of(program) - shown == set()


def test_every_finding_is_explained():
    known = re.findall(r'Entry\{"(MG\d+)"', (SOURCES / "meshgate-redirect" / "doctor" /
                                             "catalogue.cc").read_text())
    page = (MAN / "meshgate-redirect.8.scd").read_text()
    assert known and re.findall(r"^\*(MG\d+)\*", page, re.M) == known


@pytest.fixture
def machine():
    """A namespace with a configuration, the programs in its PATH, and a way out."""
    with lab.lab_folder() as folder:
        namespace = lab.Namespace("man", folder)
        for program in (n.program(), dns_program()):
            lab.publish(program, folder)
        # Folders of its own, so that nothing is made on the machine.
        (folder / "etc").mkdir()
        subprocess.run(["cp", "-a", "/etc/.", folder / "etc"], check=True)
        (folder / "etc" / "meshgate").mkdir(exist_ok=True)
        namespace.run("mount", "--bind", folder / "etc", "/etc")
        for place in ("/run", "/var/lib"):
            namespace.run("mount", "-t", "tmpfs", "none", place)
        namespace.run("mkdir", "/run/meshgate", "/var/lib/meshgate")
        namespace.run("tee", "/etc/meshgate/meshgate.toml", input=CONFIG)
        namespace.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
        namespace.run("ip", "link", "set", "up0", "up")
        namespace.run("ip", "address", "add", "10.99.0.1/24", "dev", "up0")
        namespace.run("ip", "route", "add", "default", "via", "10.99.0.2")
        try:
            yield namespace
        finally:
            namespace.close()


def run(machine, command):
    return machine.try_run("env", f"PATH={machine.folder}:/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c",
                           command)


def test_the_examples_of_meshgate_redirect_work(machine):
    guard = None
    for command in commands(MAN / "meshgate-redirect.8.scd"):
        if command == "meshgate-redirect guard":  # stays
            guard = machine.start(machine.folder / "meshgate-redirect", "guard")
            guard.wait_ready(lambda: run(machine, "curl -s --unix-socket /run/meshgate/guard.sock "
                                                  "http://x/readyz").stdout.strip() == "ready",
                             "the guard")
            assert guard.stop() == 0
            continue
        done = run(machine, command)
        assert done.returncode == STATUS.get(command, 0), f"{command}\n{done.stdout}{done.stderr}"
        if command.endswith("--json"):
            json.loads(done.stdout)
    assert guard


def test_the_examples_of_meshgate_dns_work(machine):
    server = None
    for command in commands(MAN / "meshgate-dns.8.scd"):
        if command.split()[1] == "serve":
            server = machine.start(machine.folder / "meshgate-dns", "serve")
            server.wait_ready(lambda: run(machine, "meshgate-dns status").returncode == 0,
                              "meshgate-dns")
            continue
        done = run(machine, command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert server.stop() == 0


def test_the_examples_of_the_configuration_are_accepted(tmp_path):
    page = MAN / "meshgate.toml.5.scd.in"
    for number, block in enumerate(blocks(page)):
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        for program in (n.program(), dns_program()):
            done = subprocess.run([program, "check", "--config", file], capture_output=True,
                                  text=True)
            assert done.returncode == 0, block + done.stderr


def test_every_key_of_the_schema_is_in_the_manual():
    schema = n.HERE.parents[1] / "conf" / "meshgate.schema.json"
    page = subprocess.run([sys.executable, MAN / "keys.py", schema, MAN / "meshgate.toml.5.scd.in"],
                          capture_output=True, text=True, check=True).stdout
    for key in ("*exclude\\_ports*", "*conntrack\\_zone*", "## [[redirect.network]]", "*poll*"):
        assert key in page
    names = set()

    def walk(of):
        for name, value in of.get("properties", {}).items():
            names.add(name)
            if value.get("type") == "object" or value.get("type") == "array":
                walk(value.get("items", value))

    walk(json.loads(schema.read_text()))
    for name in names:
        assert name in page.replace("\\", ""), name
