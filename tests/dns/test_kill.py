"""SIGKILL at any moment, and started again: nothing wrong is ever answered, each service keeps its
address, and what the dead one left behind is in nobody's way. Disks that are full or read-only."""

import os
import random
import signal

import dns.rcode
import faulty as f
import load as l
import pytest
import server as s

KILLS = 200 if os.environ.get("MESHGATE_FULL") else 6
STATE_FILES = ["vips.toml", "vips.toml.lock"]


@pytest.fixture
def faulty():
    made = f.FaultyUpstream()
    yield made
    made.close()


STAY = [f"s{number}" for number in range(10)]


def names_at(step):
    """A new one, and the others in another order each time: by that alone addresses would change."""
    others = list(STAY)
    random.Random(step).shuffle(others)
    return [f"new{step}", *others]


def addresses(server, names):
    return {f"{name}.mesh": server.address(f"{name}.mesh") for name in names}


def check_same(known, seen):
    for name in STAY:
        assert seen[f"{name}.mesh"] == known[f"{name}.mesh"], name
    assert len(set(seen.values())) == len(seen), "two services with one address"


def test_killed_under_load_again_and_again(server, faulty):
    server.upstreams = [faulty.endpoint]
    server.configure(services=names_at(0))
    server.start()
    known = addresses(server, names_at(0))
    load = l.Load(server.port, [{"names": ["s0.mesh"], "rate": 4000},
                                {"names": ["s0.mesh"], "rate": 1000, "tcp": True},
                                {"names": ["popular.example"], "rate": 2000},
                                {"names": ["x{}.fresh.example"], "rate": 400}], known, given_up=1)
    chance = random.Random(20261123)
    try:
        for step in range(1, KILLS + 1):
            server.configure(services=names_at(step))
            if step % 2:
                server.reload()
                check_same(known, addresses(server, names_at(step)))
            else:  # in the middle of it
                server.process.send_signal(signal.SIGHUP)
            for _ in range(chance.randrange(300)):
                server.ask("s0.mesh")
            server.process.kill()
            server.process.wait()
            server.start()  # at once, or this fails
            check_same(known, addresses(server, names_at(step)))
            assert server.status()["pid"] == server.process.pid
    finally:
        results = load.end()
    for result in results:
        print(result)
        assert result["wrong"] == 0, result["examples"]
        assert result["right"] > result["sent"] / 4
    for result in results[:2]:
        assert result["failed"] == 0, "names of ours that were SERVFAIL"
    assert results[1]["broken"] >= KILLS  # they were connected, and are again
    assert sorted(each.name for each in server.state.parent.iterdir()) == STATE_FILES


def below_strace(server, inject):
    """For system calls that have to do with the file that becomes the state file."""
    call = inject.split(":")[0]
    return ["strace", "-f", "-o", server.folder / "trace", "-P", f"{server.state}.new",
            "-e", f"trace={call}", "-e", f"inject={inject}"]


@pytest.mark.parametrize("call", ["openat", "write", "fsync", "close", "rename"])
def test_killed_while_it_writes_the_state(server, call):
    server.configure(services=names_at(1))
    server.start()
    known = addresses(server, names_at(1))
    server.stop()
    server.configure(services=names_at(2))  # so that there is something to write
    server.start(wrapper=below_strace(server, f"{call}:signal=KILL"), ready=None)
    if server.process.wait(s.PATIENCE) == 0:
        pytest.fail("it was not killed")
    server.start()
    check_same(known, addresses(server, names_at(2)))
    server.configure(services=names_at(1))
    server.reload()
    check_same(known, addresses(server, names_at(1)))
    assert sorted(each.name for each in server.state.parent.iterdir()) == STATE_FILES


@pytest.mark.parametrize("fault, words", [
    ("write:error=ENOSPC", "No space left"), ("write:error=EIO", "Input/output error"),
    ("fsync:error=EIO", "Input/output error"), ("rename:error=EROFS", "Read-only"),
    ("openat:error=EROFS", "Read-only"), ("openat:error=EMFILE", "Too many open files"),
])
def test_a_disk_that_fails_is_told_and_names_are_served(server, fault, words):
    """At the start and at a reload; the file that was there stays whole."""
    server.configure(services=names_at(1))
    server.start()
    known = addresses(server, names_at(1))
    server.stop()
    whole = server.state.read_text()
    server.configure(services=names_at(2))
    server.start(wrapper=below_strace(server, fault))
    warning = [line for line in server.output().splitlines() if words in line]
    assert warning and "may change at a restart" in warning[0], server.output()
    check_same(known, addresses(server, names_at(2)))
    server.configure(services=names_at(3))
    server.reload()
    check_same(known, addresses(server, names_at(3)))
    assert server.state.read_text() == whole
    assert sorted(each.name for each in server.state.parent.iterdir()) == STATE_FILES
    assert server.ask("nosuch.mesh").rcode() == dns.rcode.NXDOMAIN
