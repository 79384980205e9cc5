"""The soak: everything at once for ten minutes with MESHGATE_FULL, some seconds otherwise. Owned, cached
and new names over UDP and TCP, while names come and go, the configuration is loaded again, resolv.conf
is written again and upstreams fail one after the other. Nothing is lost, nothing is wrong, and the second
half takes no more memory or files than the first."""

import os
import pathlib
import re
import signal
import threading
import time

import faulty as f
import load as l
import pytest
import server as s

SECONDS = 600 if os.environ.get("MESHGATE_FULL") else 5
OWNED = [f"stay{number}.mesh" for number in range(50)]
POPULAR = [f"popular{number}.example" for number in range(50)]
# What one upstream does wrong while the other is well: nobody is to notice.
FAULTS = [f.drop, f.servfail, f.refused, f.wrong_id, f.garbage, f.no_response, f.short_answer, f.truncated,
          f.formerr_on_edns, f.tcp_reset, f.duplicate, f.zero_ttl, f.poison, f.cname_chain]
STREAMS = [
    {"names": OWNED, "rate": 1000}, {"names": OWNED, "rate": 300, "tcp": True},
    {"names": POPULAR, "rate": 500}, {"names": POPULAR, "rate": 200, "tcp": True},
    {"names": ["x{}.fresh.example"], "rate": 100}, {"names": ["t{}.fresh.example"], "rate": 20, "tcp": True},
]
PACE = 0.05  # seconds a step at least
# Seconds without a fault between two: a question that one upstream refused is with the other by then.
# Else it would meet both of them at fault, and SERVFAIL would be the truth.
HANDOVER = 0.01
MEMORY_GROWTH_MAX = 4 << 20
FILES_GROWTH_MAX = 64  # sockets to upstreams are renewed when these fail; a leak would be thousands


@pytest.fixture
def upstreams():
    made = [f.FaultyUpstream(), f.FaultyUpstream()]
    yield made
    for each in made:
        each.close()


class Soak:
    """One step after the other, each of them a change of something."""

    def __init__(self, server, upstreams):
        self.server, self.upstreams = server, upstreams
        self.steps = self.reloads = 0
        self.samples = []  # (resident bytes, open files)

    def configure(self):
        """The names that stay, and others that come and go, before and behind them."""
        step = self.steps
        coming = [f"c{number}" for number in range(step % 40)]
        going = [f"g{number}" for number in range(40 - step % 40)]
        stay = [name.removesuffix(".mesh") for name in OWNED]
        self.server.configure(services=[*coming, *stay, *going], dns='cache = "8MiB"', head=f"# {step}")

    def churn_of_names(self):
        self.configure()
        self.server.process.send_signal(signal.SIGHUP)
        self.reloads += 1
        s.wait_until(lambda: self.server.status()["reload"]["count"] == self.reloads, "a reload")
        assert self.server.status()["reload"]["ok"], self.server.output()

    def bad_reload(self):
        self.server.edit("[dns]", "[dns")
        self.server.process.send_signal(signal.SIGHUP)
        self.reloads += 1
        s.wait_until(lambda: self.server.status()["reload"]["count"] == self.reloads, "a bad reload")
        assert not self.server.status()["reload"]["ok"]

    def churn_of_resolv_conf(self):
        """In place or by renaming; one server after the other, where nobody listens, or none."""
        text = f"nameserver 127.0.9.{1 + self.steps % 7}\n" if self.steps % 5 else "# none\n"
        if self.steps % 3:
            return self.server.resolv_conf.write_text(text)
        beside = self.server.folder / "resolv.new"
        beside.write_text(text)
        return beside.rename(self.server.resolv_conf)

    def fault(self):
        """Of one upstream; the other one is well by then."""
        bad, good = self.upstreams[:: 1 if self.steps % 2 else -1]
        good.fault = None
        threading.Event().wait(HANDOVER)
        bad.fault, bad.strength = FAULTS[self.steps // 4 % len(FAULTS)], (0.3, 0.7, 1.0)[self.steps % 3]

    def flush(self):
        assert self.server.run("flush").returncode == 0

    def sample(self):
        pid = self.server.process.pid
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        resident = 1024 * int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.M)[1])
        self.samples.append((resident, len(os.listdir(f"/proc/{pid}/fd"))))

    def step(self):
        self.steps += 1
        self.fault()
        (self.churn_of_names, self.churn_of_resolv_conf, self.churn_of_names,
         self.bad_reload if self.steps % 3 else self.flush)[self.steps % 4]()
        self.sample()

    def halves(self):
        """(bytes, files) at most in the second quarter and in the last."""
        quarter = len(self.samples) // 4
        return [[max(values) for values in zip(*part)]
                for part in (self.samples[quarter:2 * quarter], self.samples[-quarter:])]


def test_nothing_is_lost_and_nothing_grows(server, upstreams):
    server.upstreams = [*(each.endpoint for each in upstreams), "resolv-conf"]
    soak = Soak(server, upstreams)
    soak.configure()
    server.start(ready="/healthz")
    known = {name: server.address(name) for name in OWNED}
    load = l.Load(server.port, STREAMS, known)
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            soak.step()
            threading.Event().wait(PACE - HANDOVER)
        results = load.end()
    finally:
        load.close()
    for spec, result in zip(STREAMS, results):
        print(spec["names"][0], "tcp" if spec.get("tcp") else "udp", result)
    early, late = soak.halves()
    print(f"{soak.steps} steps, {soak.reloads} reloads; bytes and files {early}, then {late}")
    for result in results:
        assert result["wrong"] == 0, result["examples"]
        assert result["unanswered"] == 0 and result["broken"] == 0, result
        # While a question waits for one upstream, the fault may go over to the other.
        assert result["failed"] <= result["sent"] / 200, result
    for result in results[:2]:
        assert result["failed"] == 0, result
    assert "resolv.conf changed: upstreams" in server.output()
    assert server.metrics()['meshgate_dns_dropped_total{reason="overload"}'] == 0
    assert late[0] - early[0] < MEMORY_GROWTH_MAX
    assert late[1] - early[1] < FILES_GROWTH_MAX
    assert {name: server.address(name) for name in OWNED} == known
    for each in upstreams:
        each.fault = None
    victim = upstreams[0].victim  # of the poison: nothing of it was kept
    s.wait_until(lambda: server.ask(victim).answer, "the end of the faults")
    assert server.address(victim) == f.address_of(victim)
