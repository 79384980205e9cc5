"""Addresses that last: over restarts, removals and changed ranges, and of one server at a time."""

import datetime
import os
import re

import pytest
from server import Server


def service(name, more=""):
    return f'[[service]]\nname = "{name}"\nendpoints = ["192.0.2.1:80"]\n{more}'


def configure(server, *names, vip="", more=""):
    server.configure(services=(), more=vip + "".join(service(name) for name in names) + more)


def addresses(server, *names):
    return [server.address(f"{name}.mesh") for name in names]


def test_an_address_rests_before_another_service_gets_it(server):
    configure(server, "a", "b")
    server.start()
    assert addresses(server, "a", "b") == ["240.0.0.0", "240.0.0.1"]
    configure(server, "b", "c")
    server.reload()
    assert addresses(server, "b", "c") == ["240.0.0.1", "240.0.0.2"]
    assert re.search(r'^"a" = "240.0.0.0 since 20\d\d-', server.state.read_text(), re.M)
    server.stop()
    configure(server, "b", "c", "d")  # the rest goes on over a restart
    server.start()
    assert addresses(server, "d") == ["240.0.0.3"]
    configure(server, "a", "b", "c", "d")  # who had it has it again
    server.reload()
    assert addresses(server, "a", "b", "c", "d") == ["240.0.0.0", "240.0.0.1", "240.0.0.2",
                                                     "240.0.0.3"]
    assert "since" not in server.state.read_text()


def test_after_its_rest_an_address_is_free(server):
    configure(server, "a")
    server.start()
    configure(server, "b")
    server.reload()
    server.stop()
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2)
    text = server.state.read_text()
    server.state.write_text(re.sub(r"since \S+Z", f"since {past:%Y-%m-%dT%H:%M:%SZ}", text))
    configure(server, "b", "c")
    server.start()
    assert addresses(server, "b", "c") == ["240.0.0.1", "240.0.0.0"]


def test_a_range_that_changed_changes_no_address(server):
    configure(server, "a")
    server.start()
    configure(server, "a", vip='ipv4 = "10.9.0.0/24"\n')
    done = server.run("reload")
    assert done.returncode == 1
    assert f"service 'a' has 240.0.0.0 ('a' in {server.state}), which is outside of 10.9.0.0/24 " \
           f"('vip.ipv4', {server.config}:" in done.stderr
    assert addresses(server, "a") == ["240.0.0.0"]
    server.stop()
    assert server.run("check").returncode == 65
    server.state.unlink()  # as the message says: another address
    server.start()
    assert addresses(server, "a") == ["10.9.0.0"]


def test_a_full_range_changes_nothing(server):
    configure(server, "a", "b", vip='ipv4 = "10.9.0.0/31"\n')
    server.start()
    configure(server, "a", "c", vip='ipv4 = "10.9.0.0/31"\n')
    done = server.run("reload")
    assert done.returncode == 1
    assert "no address is left in 10.9.0.0/31 ('vip.ipv4', " in done.stderr
    assert "for service 'c': 1 rest, the first until 20" in done.stderr
    assert addresses(server, "a", "b") == ["10.9.0.0", "10.9.0.1"]


@pytest.fixture
def second(server, folder):
    """Another server with the state file of the first."""
    other = folder / "second"
    other.mkdir(mode=0o777)
    another = Server(other)
    another.state = server.state
    yield another
    another.close()


def test_two_servers_do_not_write_one_state(server, second):
    configure(server, "a")
    server.start()
    configure(second, "b")
    second.start()
    assert f"{server.state} is kept by process {server.process.pid}; addresses" in second.output()
    assert second.address("b.mesh") != server.address("a.mesh")  # it has read the file
    second.reload()
    assert '"b"' not in server.state.read_text()
    server.stop()
    second.reload()  # now it may
    assert '"b"' in server.state.read_text()


def test_a_lock_of_one_that_was_killed_is_none(server, second):
    configure(server, "a")
    server.start()
    server.process.kill()
    server.process.wait()
    configure(second, "a", "b")
    second.start()
    assert "is kept by" not in second.output()
    assert '"b"' in server.state.read_text()


def test_looking_neither_writes_nor_locks(server):
    configure(server, "a")
    assert server.run("names").stdout.startswith("a.mesh\t30\tIN\tA\t240.0.0.0\n")
    assert server.run("check").returncode == 0
    assert not server.state.parent.exists() or not os.listdir(server.state.parent)
