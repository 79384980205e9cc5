"""Two daemons of ours on two machines, each the other's upstream."""

import re

import lab
import mesh as m
import pytest

CONFIG = """
[proxy]
enabled = false
[dns]
listen = ["{address}:53", "127.0.0.1:53"]
allow = ["10.99.0.0/24"]
user = 0
admin = "unix:{folder}/{name}.sock"
upstreams = ["{other}"]
[vip]
state = "{folder}/{name}.vips"
"""


@pytest.fixture
def pair():
    with lab.lab_folder() as folder:
        program = lab.publish(m.build_folder() / "src/meshgate-dns/meshgate-dns", folder)
        spaces = [lab.Namespace(name, folder) for name in ("one", "two")]
        try:
            lab.connect(*spaces, "eth0", "eth0", [("10.99.0.1/24", "10.99.0.2/24")])
            running = []
            for number, space in enumerate(spaces, 1):
                config = folder / f"{space.name}.toml"
                config.write_text(CONFIG.format(address=f"10.99.0.{number}", name=space.name,
                                                other=f"10.99.0.{3 - number}", folder=folder))
                process = space.start(program, "--config", config)
                process.wait_ready(lambda space=space: (folder / f"{space.name}.sock").exists(), "the daemon")
                running.append(process)
            yield folder, program, spaces
            for process in running:
                process.stop()
        finally:
            for space in spaces:
                space.close()


def metric(space, folder, name):
    text = space.run("curl", "-s", "--unix-socket", folder / f"{space.name}.sock", "http://x/metrics")
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if re.match(rf"{name}[ {{]", line))


def test_a_question_that_comes_back_is_cut(pair):
    folder, program, spaces = pair
    reply = spaces[0].try_run("dig", "+tries=1", "+time=8", "@127.0.0.1", "loop.example", "A")
    assert "SERVFAIL" in reply.stdout or "REFUSED" in reply.stdout, reply.stdout
    asked = sum(metric(space, folder, "meshgate_dns_upstream_requests_total") for space in spaces)
    assert 0 < asked < 10
    assert sum(metric(space, folder, "meshgate_dns_loops_total") for space in spaces) > 0
