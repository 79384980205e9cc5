"""Four times more questions than can be waited for: what is known here is answered all the same, memory
stays bounded, and afterwards all is as before."""

import os
import pathlib
import re
import threading

import faulty as f
import load as l
import pytest
import server as s

FULL = bool(os.environ.get("MESHGATE_FULL"))
WORKERS = len(os.sched_getaffinity(0))
IN_FLIGHT = 4096 * WORKERS  # forwarded queries that may wait
PATIENCE_OF_A_QUERY = 4.5  # seconds, when no upstream says anything
RATE = min(4 * int(IN_FLIGHT / PATIENCE_OF_A_QUERY), 12_000)
SECONDS = 20 if FULL else 2.5
OWNED = [f"s{number}.mesh" for number in range(20)]
POPULAR = [f"popular{number}.example" for number in range(20)]


@pytest.fixture
def faulty():
    made = f.FaultyUpstream()
    yield made
    made.close()


@pytest.fixture
def daemon(server, faulty):
    server.upstreams = [faulty.endpoint]
    server.configure(services=[name.removesuffix(".mesh") for name in OWNED], dns='cache = "8MiB"')
    return server.start()


def resident(daemon):
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return 1024 * int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.M)[1])


def warm(daemon, faulty):
    """Until each worker has the popular names in its cache."""
    def is_warm():
        before = len(faulty.questions)
        return all(daemon.address(name) for name in POPULAR for _ in range(4 * WORKERS)) and \
            len(faulty.questions) == before

    s.wait_until(is_warm, "the caches")


def rest(seconds):
    threading.Event().wait(seconds)  # the load runs meanwhile: it is what is measured


def overload(daemon, streams, known):
    load = l.Load(daemon.port, streams, known)
    try:
        rest(SECONDS)
        largest = resident(daemon)
        return load.end(), largest
    finally:
        load.close()


@pytest.mark.parametrize("kind", ["slow", "silent"] if FULL else ["slow"])
def test_owned_and_cached_names_are_answered_under_four_times_the_load(daemon, faulty, kind):
    known = {name: daemon.address(name) for name in OWNED}
    warm(daemon, faulty)
    before = resident(daemon)
    # Silent, or each tenth question is answered; both far below what is asked.
    faulty.fault, faulty.strength = f.drop, 1.0 if kind == "silent" else 0.9
    streams = [{"names": OWNED, "rate": 200}, {"names": OWNED, "rate": 100, "tcp": True},
               {"names": POPULAR, "rate": 200}, {"names": POPULAR, "rate": 100, "tcp": True},
               {"names": ["x{}.flood.example"], "rate": RATE}]
    results, largest = overload(daemon, streams, known)
    for spec, result in zip(streams, results):
        print(kind, spec["names"][0], "tcp" if spec.get("tcp") else "udp", result)
        assert result["wrong"] == 0, result["examples"]
    print(f"{kind}: {before >> 20} MiB before, {largest >> 20} MiB under load")
    for result in results[:4]:
        assert result["right"] == result["sent"], result
    flood = results[4]
    # Each is told that it will not be answered: nobody waits for nothing.
    assert flood["unanswered"] <= flood["sent"] / 100, flood
    assert daemon.metrics()['meshgate_dns_dropped_total{reason="overload"}'] > 0
    assert largest - before < 64 << 20
    faulty.fault = None
    s.wait_until(lambda: all(daemon.ask(f"{kind}{n}.after.example").rcode() == 0 for n in range(50)),
                 "the end of the overload")
    assert all(daemon.address(name) == known[name] for name in OWNED)


def test_a_second_flood_takes_no_more_memory(daemon, faulty):
    faulty.fault, faulty.strength = f.drop, 1.0
    largest = []
    for tag in ("first", "second"):
        load = l.Load(daemon.port, [{"names": [tag + "{}.example"], "rate": RATE}])
        rest(SECONDS / 2)
        largest.append(resident(daemon))
        load.close()  # nobody is there any more when the answers come
    print([each >> 20 for each in largest], "MiB")
    assert largest[1] - largest[0] < 8 << 20
