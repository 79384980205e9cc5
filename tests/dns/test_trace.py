"""`query --trace`: the way a question took to its answer, for people and as JSON."""

import json
import re
import subprocess

import dns.flags
import faulty as f
import pytest
import server as s
from conftest import needs_root
from server import PROGRAM

OWNED = "backend_default_svc_8080.mesh"
AS_NOBODY = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups"]


def trace(server, *words):
    """The values, the sentences and the exit status."""
    done = server.run("query", *words, "--trace")
    lines = done.stdout.splitlines()
    told = [re.sub(r"^;; (?:[0-9.]+ ms: )?", "", line) for line in lines if line.startswith(";; ")]
    return [line for line in lines if not line.startswith(";")], told, done


def trace_json(server, *words):
    done = server.run("query", *words, "--trace", "--json")
    return json.loads(done.stdout), done


def test_an_owned_name_is_answered_from_the_names(running):
    values, told, done = trace(running, OWNED)
    assert (values, done.returncode, done.stderr) == (["240.0.0.0"], 0, "")
    assert len(told) == 1 and told[0].startswith("answered from the names of this server")
    values, told, done = trace(running, "nothing.mesh")
    assert (values, done.returncode) == ([], 1)
    assert told[0].startswith("answered from the names") and "NXDOMAIN" in done.stderr


def test_first_upstream_then_the_cache_that_has_it(forwarding, upstream):
    values, told, _ = trace(forwarding, "www.outside.example")
    assert values == ["192.0.2.55"]
    assert re.fullmatch(r"worker 1 of \d+; its cache had nothing", told[0])
    assert told[1:3] == [f"asked {upstream.endpoint} over UDP",
                         f"{upstream.endpoint} replied NOERROR over UDP"]
    assert told[3].startswith("answered from upstream, ")
    # The same worker is asked again, since its cache has it; the letters do not matter.
    _, told, _ = trace(forwarding, "WWW.outside.example")
    assert re.fullmatch(r"worker 1 of \d+; its cache had an answer, \d+ s old, fresh for \d+ s more",
                        told[0])
    assert len(told) == 2 and told[1].startswith("answered from the cache, ")
    assert len(upstream.questions) == 1


def test_what_clients_asked_is_found_in_whichever_cache_has_it(forwarding, upstream):
    forwarding.ask("www.outside.example", use_edns=0)
    _, told, _ = trace(forwarding, "www.outside.example")
    assert told[-1].startswith("answered from the cache, ") and len(upstream.questions) == 1


def test_names_that_never_leave_are_made_here(forwarding, upstream):
    values, told, _ = trace(forwarding, "localhost")
    assert values == ["127.0.0.1"] and told[-1].startswith("answered made here")
    assert upstream.questions == []


def test_a_dead_server_and_one_that_answers(server, upstream):
    dead = f"127.0.0.1:{s.free_port()}"
    server.upstreams = [dead, upstream.endpoint]
    server.configure()
    server.start()
    _, told, _ = trace(server, "www.outside.example")
    assert told[1:5] == [f"asked {dead} over UDP", f"{dead} cannot be reached over UDP",
                         f"asked {upstream.endpoint} over UDP",
                         f"{upstream.endpoint} replied NOERROR over UDP"]


def test_an_answer_that_does_not_fit_comes_over_tcp(forwarding, upstream):
    values, told, _ = trace(forwarding, "big.outside.example", "TXT")
    assert len(values) == 30
    assert told[1:5] == [f"asked {upstream.endpoint} over UDP",
                         f"{upstream.endpoint} cut its reply (TC)",
                         f"asked {upstream.endpoint} over TCP",
                         f"{upstream.endpoint} replied NOERROR over TCP"]


@pytest.fixture
def faulty():
    made = f.FaultyUpstream()
    yield made
    made.close()


def test_a_server_that_does_not_know_edns(server, faulty):
    server.upstreams = [faulty.endpoint]
    server.configure()
    server.start()
    faulty.fault, faulty.strength = f.formerr_on_edns, 1.0
    _, told, _ = trace(server, "www.outside.example")
    assert told[1:5] == [f"asked {faulty.endpoint} over UDP",
                         f"{faulty.endpoint} replied FORMERR over UDP",
                         f"asked {faulty.endpoint} over UDP, without EDNS",
                         f"{faulty.endpoint} replied NOERROR over UDP"]


def test_a_server_that_says_nothing_and_the_end_of_patience(server, faulty):
    server.upstreams = [faulty.endpoint]
    server.configure()
    server.start()
    faulty.fault, faulty.strength = f.drop, 1.0
    report, done = trace_json(server, "www.outside.example")
    assert done.returncode == 1 and report["rcode"] == "SERVFAIL"
    steps = report["trace"]["steps"]
    assert [step["what"] for step in steps[:3]] == ["asked", "silent", "asked"]
    assert steps[-1]["what"] == "expired" and "server" not in steps[-1]
    assert [step["microseconds"] for step in steps] == sorted(step["microseconds"] for step in steps)
    assert report["trace"]["source"] == "local"


def test_no_upstream_at_all(running):
    _, told, done = trace(running, "www.outside.example")
    assert told[1] == "no upstream is configured for this name"
    assert done.returncode == 1 and "SERVFAIL" in done.stderr


def test_the_json_has_the_answer_and_the_way(forwarding, upstream):
    report, done = trace_json(forwarding, "www.outside.example")
    assert (done.returncode, done.stderr) == (0, "")
    assert report["schema"] == "meshgate-dns.query/1"
    assert (report["name"], report["type"], report["rcode"]) == ("www.outside.example", "A", "NOERROR")
    assert (report["values"], report["extended_errors"]) == (["192.0.2.55"], [])
    way = report["trace"]
    assert way["schema"] == "meshgate-dns.trace/1" and way["source"] == "upstream"
    assert way["cache"] is None and 1 <= way["worker"] <= way["workers"]
    assert way["steps"][0]["server"] == upstream.endpoint
    assert dns.message.from_wire(bytes.fromhex(way["reply"])).answer
    # Without --trace the same, but for the way.
    done = forwarding.run("query", "www.outside.example", "--json")
    assert json.loads(done.stdout) == {key: value for key, value in report.items() if key != "trace"}


def test_nothing_in_a_name_breaks_the_output(running):
    name = r'a\"b\010c\255;{}.mesh'
    done = running.run("query", name, "--trace", "--json")
    assert json.loads(done.stdout)["rcode"] == "NXDOMAIN" and len(done.stdout.splitlines()) == 1
    assert len(running.run("query", name, "--trace").stdout.splitlines()) == 1


def test_whom_it_cannot_ask_and_what_makes_no_sense(server):
    done = server.run("query", OWNED, "--trace")
    assert (done.returncode, done.stdout) == (3, "") and "not running" in done.stderr
    for words, message in ((["status", "--trace"], "--trace goes with query"),
                           (["query", "--trace"], "needs a NAME")):
        done = subprocess.run([PROGRAM, *words], text=True, capture_output=True)
        assert done.returncode == 2 and message in done.stderr
    for words, message in (([".."], "is no name"), (["a.example", "NONE"], "is no record type")):
        done = server.run("query", *words, "--trace")
        assert done.returncode == 1 and message in done.stderr


@needs_root
def test_a_stranger_on_the_machine_may_not_trace(running):
    done = running.run("query", OWNED, "--trace", wrapper=AS_NOBODY)
    assert done.returncode == 77 and "be root or the server's user" in done.stderr


def test_a_trace_is_no_get_and_bad_digits_are_refused(running):
    assert running.get("/api/v1/trace/00")[0] == 405
    for path in ("/api/v1/trace", "/api/v1/trace/", "/api/v1/trace/0", "/api/v1/trace/xx"):
        assert running.request("POST", path)[0] == 400
    assert running.request("POST", "/api/v1/trace/00")[0] == 200  # too short to be answered
    assert running.get("/healthz") == (200, "ok")
