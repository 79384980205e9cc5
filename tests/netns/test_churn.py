"""Somebody changes another table faster than ours is read: every verb does its work all the same."""

import contextlib
import os
import re

import lab
import network as n
import pytest
from test_vips import ALONE, config, service

FULL = bool(os.environ.get("MESHGATE_FULL"))
COUNT = 20_000 if FULL else 3_000
VIPS = "".join(service(f"s{number}", ["192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80"])
               for number in range(COUNT))
RULES = {"capture": ("", "[redirect.outbound]\nexclude_ports = [3306]\n"),
         "vips": (VIPS, VIPS.replace("192.0.2.3", "192.0.2.33")),
         "vips-other-rules": (VIPS, VIPS + service("o", ["192.0.2.1:8"], balance="client-hash"))}


@contextlib.contextmanager
def churning(network):
    process = network.vm_namespace.start(lab.PYTHON, "-u", n.HERE / "churn.py")
    process.wait_ready(lambda: "ready" in process.output(), "the other table")
    try:
        yield
    finally:
        process.stop()  # what comes after a failure would fail by it as well
    made = int(re.search(r"(\d+) changes", process.output())[1])
    assert made > 1000, made
    network.vm_namespace.run("nft", "delete", "table", "inet", "churn")


def write(network, name, text):
    if name == "capture":
        return network.config(text)
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    return network.config(config(text).replace("{state}", str(state)), base=ALONE)


@pytest.mark.parametrize("name", RULES)
def test_what_others_do_to_their_tables_disturbs_no_verb(network, name):
    """nft itself, which reads all tables, does not come back meanwhile."""
    first, second = (write(network, name, text) for text in RULES[name])

    def run(verb, path, code=0):
        done = network.run(verb, config=path)
        assert done.returncode == code, (verb, done.stderr)
        return done.stdout

    with churning(network):
        for path in (first, first, second):
            run("install", path)
            run("status", path)
            assert run("diff", path) == ""
        assert run("diff", first, code=2) != ""
    listed = network.rules()
    with churning(network):
        run("install", second)
        run("uninstall", None)
        run("status", second, code=3)
        run("install", second)
    assert network.rules() == listed
