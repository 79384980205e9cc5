"""What others answered is kept, until its time ends or it is flushed; the mesh's own names never."""

import json

import dns.rcode


def test_an_answer_is_asked_for_once(forwarding, upstream):
    first = forwarding.ask("www.outside.example")
    again = forwarding.ask("WWW.Outside.Example")
    assert first.rcode() == again.rcode() == dns.rcode.NOERROR
    assert first.answer[0].to_rdataset() == again.answer[0].to_rdataset()
    assert again.question[0].name.to_text() == "WWW.Outside.Example."
    # Each worker has a cache of its own, and the kernel chooses the worker.
    for _ in range(100):
        forwarding.ask("www.outside.example")
    metrics = forwarding.metrics()
    assert 1 <= len(upstream.questions) == metrics["meshgate_dns_cache_entries"]
    assert metrics["meshgate_dns_cache_bytes"] > 0
    assert metrics['meshgate_dns_responses_total{rcode="NOERROR",source="cache"}'] > 50


def test_a_cache_of_no_size_asks_each_time(server, upstream):
    server.upstreams = [upstream.endpoint]
    server.configure(dns='cache = "0B"')
    server.start()
    for _ in range(5):
        server.ask("www.outside.example")
    assert len(upstream.questions) == 5


def test_flush_forgets_a_name_or_everything(forwarding, upstream):
    for name in ("a.outside.example", "b.outside.example"):
        forwarding.ask(name)
    done = forwarding.run("flush", "A.outside.example.")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"flushed": 1})
    assert json.loads(forwarding.run("flush", "a.outside.example").stdout) == {"flushed": 0}
    assert json.loads(forwarding.run("flush").stdout) == {"flushed": 1}
    before = len(upstream.questions)
    forwarding.ask("a.outside.example")
    assert len(upstream.questions) == before + 1


def test_flush_is_3_when_nothing_runs(server):
    done = server.run("flush")
    assert (done.returncode, done.stdout) == (3, "")


def test_flush_is_a_post(forwarding):
    status, _, headers = forwarding.request("GET", "/api/v1/flush")
    assert (status, headers["allow"]) == (405, "POST")
    assert forwarding.request("POST", "/api/v1/flush/a..b")[0] == 400


def test_a_reload_keeps_the_cache_and_a_new_name_of_ours_comes_before_it(forwarding, upstream):
    assert forwarding.address("www.outside.example") == upstream.address
    asked = len(upstream.questions)
    forwarding.configure(more='[[record]]\nname = "www.outside.example"\ntype = "A"\n'
                              'value = "10.1.2.3"\n')
    forwarding.reload()
    assert forwarding.address("www.outside.example") == "10.1.2.3"
    forwarding.configure()
    forwarding.reload()
    assert forwarding.address("www.outside.example") == upstream.address
    assert len(upstream.questions) <= asked + 1  # by another worker, whose cache is its own
