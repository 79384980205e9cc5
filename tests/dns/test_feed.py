"""Kuma's feed: names that come over a unix socket while the server runs."""

import itertools
import json
import os
import socket
import threading
import time

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest
from feed import Feed, body_of, many
from server import PATIENCE, wait_until

WEB = {"web.mesh": ["240.0.0.1", "::ffff:f000:1"]}
OWN = "backend_default_svc_8080.mesh"


@pytest.fixture
def feed(folder):
    made = Feed(folder / "feed.sock")
    yield made
    made.vanish()


@pytest.fixture
def fed(server, feed):
    """A server that follows the feed; neither is started."""
    server.configure(f'[feed.kuma]\nsocket = "{feed.path}"\n')
    return server


@pytest.fixture
def told(fed, feed):
    """Both run, and the first names are there."""
    feed.set(WEB)
    feed.listen()
    return fed.start()


def rcode(server, name, rdtype="A", **options):
    return dns.rcode.to_text(server.ask(name, rdtype, **options).rcode())


def knows(server, name, address):
    reply = server.ask(name)
    return bool(reply.answer) and reply.answer[0][0].to_text() == address


def series(server, name):
    return server.metrics()[f"meshgate_dns_feed_{name}"]


def start_without_names(server):
    """Starts it and waits until its own names are there, but none of the feed."""
    server.start(ready="/healthz")
    wait_until(lambda: knows(server, OWN, "240.0.0.0"), "the first table")


# --- names ----------------------------------------------------------------------------------------

def test_names_of_the_feed_are_answered_in_any_case_and_over_tcp(told):
    assert told.address("web.mesh") == told.address("WeB.Mesh", tcp=True) == "240.0.0.1"
    assert told.ask("web.mesh", "AAAA").answer[0][0].to_text() == "::ffff:240.0.0.1"
    assert told.ask("web.mesh").answer[0].ttl == 30
    assert told.address(OWN) == "240.0.0.0"
    assert told.ask("1.0.0.240.in-addr.arpa", "PTR").answer[0][0].to_text() == "web.mesh."


def test_another_type_is_nodata_and_another_name_is_not_there(told):
    assert rcode(told, "web.mesh", "TXT") == "NOERROR"
    assert rcode(told, "no.mesh") == "NXDOMAIN"


def test_a_change_is_seen_and_a_name_may_go(told, feed):
    feed.set({"other.mesh": ["240.0.0.2"], "pay.example.com": ["240.0.0.3"]}, ttl=5)
    wait_until(lambda: knows(told, "other.mesh", "240.0.0.2"), "the change")
    assert told.address("pay.example.com") == "240.0.0.3"
    assert told.ask("other.mesh").answer[0].ttl == 5
    assert rcode(told, "web.mesh") == "NXDOMAIN"


def test_an_unchanged_feed_is_not_sent_again(told, feed):
    feed.looks(2)
    assert "if-none-match" in feed.requests[-1].lower()
    wait_until(lambda: series(told, 'looks_total{feed="kuma",result="unchanged"}') >= 1, "304")
    assert series(told, 'looks_total{feed="kuma",result="changed"}') == 1


def test_the_configuration_outranks_the_feed(fed, feed):
    feed.set({OWN: ["240.9.9.9"], **WEB})
    feed.listen()
    fed.start()
    assert fed.address("web.mesh") and fed.address(OWN) == "240.0.0.0"


@pytest.mark.parametrize("head, vip", [('redirect.ip_family = "ipv4"', ""), ("", 'ipv6 = "none"')])
def test_a_family_that_is_switched_off_is_nodata(fed, feed, head, vip):
    fed.configure(f'[feed.kuma]\nsocket = "{feed.path}"\n', head=head)
    fed.edit("[vip]", f"[vip]\n{vip}")
    feed.set(WEB)
    feed.listen()
    fed.start()
    assert fed.address("web.mesh") == "240.0.0.1"
    assert rcode(fed, "web.mesh", "AAAA") == "NOERROR" and not fed.ask("web.mesh", "AAAA").answer


# --- before the first names -----------------------------------------------------------------------

def test_readiness_waits_for_the_first_names(fed, feed):
    fed.start(ready="/healthz")
    wait_until(lambda: fed.get("/readyz")[1] == "feed kuma\nupstreams\n"
               or fed.get("/readyz")[1] == "feed kuma\n", "readyz")
    feed.set(WEB)
    feed.listen()
    wait_until(lambda: fed.get("/readyz")[0] == 200, "ready")
    assert fed.address("web.mesh") == "240.0.0.1"


def test_readiness_waits_no_longer_than_it_is_told_to(fed, feed):
    fed.edit("[feed.kuma]", '[feed.kuma]\nwait = "0s"')
    fed.start()
    assert fed.status()["feeds"] == [{"name": "kuma", "ok": False, "age_seconds": None}]


def test_a_question_waits_for_the_first_names(fed, feed):
    start_without_names(fed)
    query = dns.message.make_query("web.mesh", "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", fed.port))
        client.send(query.to_wire())
        feed.set(WEB)
        feed.listen()
        reply = dns.message.from_wire(client.recv(65535))
    assert reply.id == query.id and reply.answer[0][0].to_text() == "240.0.0.1"


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_a_question_that_waited_in_vain_is_told_why(fed, tcp):
    start_without_names(fed)
    begin = time.monotonic()
    reply = fed.ask("web.mesh", tcp=tcp, use_edns=0)
    assert time.monotonic() - begin >= 0.9  # it was held
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert [option.code for option in reply.options if option.otype == dns.edns.EDE] == [14]


# --- what a feed may do ---------------------------------------------------------------------------

def test_the_socket_may_come_late_vanish_and_come_again(fed, feed):
    fed.start(ready="/healthz")
    feed.set(WEB)
    feed.listen()
    wait_until(lambda: knows(fed, "web.mesh", "240.0.0.1"), "the names")
    feed.vanish()
    wait_until(lambda: series(fed, 'up{feed="kuma"}') == 0, "the loss")
    assert fed.address("web.mesh") == "240.0.0.1"  # trap 20: the last table stays
    assert fed.get("/readyz")[0] == 200
    feed.set({"other.mesh": ["240.0.0.2"]})
    feed.listen()
    wait_until(lambda: knows(fed, "other.mesh", "240.0.0.2"), "the other names")
    assert "it answers again" in fed.output()


def drip(body):
    """A byte a moment, for ever: the patience for one look ends first."""
    yield b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"
    for number in itertools.count():
        threading.Event().wait(0.05)
        yield body[number % len(body):][:1]


WRONG = {
    "500": lambda feed: b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno",
    "404": lambda feed: b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n",
    "half a body": lambda feed: feed.ok(feed.body[:30], length=len(feed.body)),
    "a length too small": lambda feed: feed.ok(feed.body, length=10),
    "a length too large": lambda feed: feed.ok(b"", length=1 << 40),
    "garbage": lambda feed: os.urandom(5000),
    "garbage in the body": lambda feed: feed.ok(os.urandom(5000)),
    "nothing": lambda feed: b"",
    "a huge head": lambda feed: b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 5000 + b"\r\n{}",
    "a field without an end": lambda feed: b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000,
    "deep": lambda feed: feed.ok(b'{"records":' + b"[" * 100_000),
    "an old ETag with other bytes": lambda feed: feed.ok(b"{}", feed.etag),
    "a slow drip": lambda feed: drip(feed.body),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_feed_that_is_wrong_changes_nothing_and_is_heard_again(told, feed, what):
    feed.answer = lambda request: WRONG[what](feed)
    failed = 'looks_total{feed="kuma",result="failed"}'
    wait_until(lambda: series(told, failed) >= 1, "the failure")
    assert told.address("web.mesh") == "240.0.0.1"
    assert told.get("/readyz")[0] == 200
    feed.set({"other.mesh": ["240.0.0.2"]})
    feed.answer = feed.like_envoy
    wait_until(lambda: knows(told, "other.mesh", "240.0.0.2"), "the next names")


def test_the_log_has_a_line_for_a_failure_not_one_a_second(told, feed):
    feed.answer = lambda request: WRONG["500"](feed)
    feed.looks(3)
    lines = [line for line in told.output().splitlines() if "HTTP status 500" in line]
    assert len(lines) == 1 and "the names it told last are kept" in lines[0]


# --- reload, verbs --------------------------------------------------------------------------------

def test_a_reload_keeps_the_names_of_the_feed(told):
    told.edit('name = "backend', 'name = "frontend')
    told.reload()
    assert told.address("web.mesh") == "240.0.0.1"
    assert told.address(OWN.replace("backend", "frontend"))


def test_a_reload_moves_brings_and_ends_a_feed(told, feed, folder):
    other = Feed(folder / "other.sock")
    told.edit(feed.path, other.path)
    told.reload()
    assert told.address("web.mesh") == "240.0.0.1"  # until the other tells its names
    other.set({"other.mesh": ["240.0.0.2"]})
    other.listen()
    wait_until(lambda: knows(told, "other.mesh", "240.0.0.2"), "the other feed")
    assert rcode(told, "web.mesh") == "NXDOMAIN"
    told.edit(f'[feed.kuma]\nsocket = "{other.path}"', "")
    told.reload()
    assert rcode(told, "other.mesh") == "NXDOMAIN" and told.status()["feeds"] == []
    told.edit("[dns]", f'[feed.kuma]\nsocket = "{feed.path}"\n[dns]')
    told.reload()
    assert told.address("web.mesh") == "240.0.0.1"
    other.vanish()


def test_status_says_how_the_feed_is(told):
    (feed,) = told.status()["feeds"]
    assert feed["name"] == "kuma" and feed["ok"] is True and feed["age_seconds"] < PATIENCE
    assert "feed       kuma ok, " in told.run("status").stdout
    assert told.status()["names"] == 5  # the service has four
    assert series(told, 'names{feed="kuma"}') == 1 and series(told, 'up{feed="kuma"}') == 1


def test_names_lists_the_feed(fed, feed):
    done = fed.run("names")
    assert done.returncode == 0 and "its names are missing" in done.stderr
    feed.set(WEB)
    feed.listen()
    rows = json.loads(fed.run("names", "--json").stdout)
    assert {"name": "web.mesh", "ttl": 30, "type": "A", "value": "240.0.0.1",
            "source": "kuma"} in rows


def test_check_says_what_is_wrong_with_the_section(server):
    server.configure('[feed.kuma]\nsocket = "feed.sock"\npol = "1s"\n')
    done = server.run("check")
    assert done.returncode == 65
    assert "'feed.kuma.socket'" in done.stderr and "did you mean 'poll'" in done.stderr


def test_a_stop_does_not_wait_for_a_feed_that_is_slow(told, feed):
    asked = threading.Event()

    def slow(request):
        asked.set()
        return drip(feed.body)

    feed.answer = slow
    assert asked.wait(PATIENCE)
    begin = time.monotonic()
    assert told.stop() == 0
    assert time.monotonic() - begin < 4  # the feed's own patience is 5 s


# --- size -----------------------------------------------------------------------------------------

def test_a_hundred_thousand_names_are_swapped_and_no_query_is_lost(told, feed):
    """Queries go on one after the other while the tables change; each has an answer, from either
    table."""
    done, lost, asked = threading.Event(), [], 0
    tables = [body_of(many(100_000, first) | WEB) for first in ("10.1", "10.2")]

    def ask():
        nonlocal asked
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", told.port))
            while not done.is_set():
                query = dns.message.make_query("web.mesh", "A")
                client.send(query.to_wire())
                reply = dns.message.from_wire(client.recv(65535))
                asked += 1
                if reply.id != query.id or not reply.answer:
                    lost.append(reply)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for number, body in enumerate(tables):
            feed.body = body
            wait_until(lambda: knows(told, "name-77777.mesh", f"10.{number + 1}.47.209"), "the table")
    finally:
        done.set()
        asker.join(PATIENCE)
    assert not lost and asked > 0
    assert told.status()["names"] == 100_005
