"""One upstream that does wrong what an upstream can do wrong, at three strengths: what a client gets
is right or says that it failed, nothing wrong is kept, and all is well when the fault ends."""

import concurrent.futures
import itertools
import os

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import faulty as f
import pytest
import server as s

# The right reply is there as well, or can be had another way: nobody is to notice.
UNNOTICED = [f.delay, f.duplicate, f.reorder, f.wrong_id, f.wrong_port, f.wrong_address,
             f.wrong_case, f.wrong_question, f.garbage, f.no_response, f.short_answer, f.truncated,
             f.formerr_on_edns, f.huge_ttl,
             f.zero_ttl, f.cname_chain, f.poison, f.tcp_slowly, f.tcp_64k]
# There is nothing better to be had.
NOTICED = [f.drop, f.servfail, f.refused, f.cname_loop, f.tcp_reset, f.tcp_silent, f.tcp_truncated]
STRENGTHS = [0.3, 0.7, 1.0]
QUESTIONS = 6
numbers = itertools.count()


@pytest.fixture(scope="module")
def faulty():
    made = f.FaultyUpstream()
    yield made
    made.close()


@pytest.fixture(scope="module")
def daemon(faulty):
    folder = s.Folder()
    made = s.Server(folder.path)
    made.upstreams = [faulty.endpoint]
    made.configure()
    made.start()
    yield made
    made.close()
    folder.close()


@pytest.fixture
def fault(faulty):
    """Sets the fault; it ends with the test."""

    def begin(kind, strength):
        faulty.fault, faulty.strength = kind, strength

    yield begin
    faulty.fault = None


def fresh_names(kind, count=QUESTIONS):
    return [f"q{next(numbers)}.{kind.__name__.replace('_', '-')}.example." for _ in range(count)]


def ask_all(daemon, names):
    """The replies, asked all at once."""
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda name: daemon.ask(name, use_edns=0), names))


def addresses(reply):
    return [record.to_text() for each in reply.answer if each.rdtype == dns.rdatatype.A
            for record in each]


def is_right(name, reply):
    """True for the right answer, False for a failure that says so; all else fails the test."""
    if reply.rcode() == dns.rcode.NOERROR and not reply.flags & dns.flags.TC:
        found = addresses(reply)
        if found:
            assert f.address_of(name) in found, reply
            return True
    assert f.WRONG not in addresses(reply), reply
    assert reply.rcode() != dns.rcode.NXDOMAIN, reply
    return False


def recovers(daemon, kind, old):
    """Every new question is answered soon, and no wrong answer is remembered of the old ones."""
    for name in fresh_names(kind):
        s.wait_until(lambda name=name: is_right(name, daemon.ask(name, use_edns=0)), "the end of the fault")
    for name in old:
        s.wait_until(lambda name=name: is_right(name, daemon.ask(name, use_edns=0)), "a right answer")


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("kind", UNNOTICED, ids=lambda kind: kind.__name__)
def test_nobody_notices(daemon, fault, kind, strength):
    fault(kind, strength)
    names = fresh_names(kind)
    for name, reply in zip(names, ask_all(daemon, names)):
        if reply.flags & dns.flags.TC:
            reply = daemon.ask(name, tcp=True)
        assert is_right(name, reply), reply
    fault(None, 0)
    recovers(daemon, kind, names)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("kind", NOTICED, ids=lambda kind: kind.__name__)
def test_what_fails_says_so_and_the_rest_is_right(daemon, fault, kind, strength):
    fault(kind, strength)
    names = fresh_names(kind)
    for name, reply in zip(names, ask_all(daemon, names)):
        met = f.is_met(name, strength)
        assert is_right(name, reply) or met or kind in (f.drop, f.tcp_silent), (name, reply)
        if met and kind is f.drop:
            assert reply.rcode() == dns.rcode.SERVFAIL
            assert any(isinstance(option, dns.edns.EDEOption) for option in reply.options)
    fault(None, 0)
    recovers(daemon, kind, names)


@pytest.mark.parametrize("kind", [f.tcp_reset, f.tcp_truncated], ids=lambda kind: kind.__name__)
def test_who_asks_over_tcp_gets_no_cut_reply(daemon, fault, kind):
    """A library would take an empty one for a name without addresses."""
    fault(kind, 1.0)
    for name, reply in [(name, daemon.ask(name, tcp=True, use_edns=0)) for name in fresh_names(kind)]:
        assert reply.rcode() == dns.rcode.SERVFAIL and not reply.flags & dns.flags.TC, (name, reply)
        assert any(isinstance(option, dns.edns.EDEOption) for option in reply.options)


def test_records_that_nobody_asked_for_are_not_kept(daemon, faulty, fault):
    """Poison over troubled forwarders, MaginotDNS: neither the victim of the extra records nor its
    servers come from the cache."""
    fault(f.poison, 1.0)
    for number in range(20):
        faulty.victim = f"victim{number}.example."
        name, = fresh_names(f.poison, 1)
        reply = daemon.ask(name)
        assert is_right(name, reply)
        fault(None, 0)
        assert addresses(daemon.ask(faulty.victim)) == [f.address_of(faulty.victim)]
        fault(f.poison, 1.0)


def is_cached(daemon, faulty, name):
    before = len(faulty.questions)
    return all(is_right(name, daemon.ask(name)) for _ in range(8)) and len(faulty.questions) == before


def test_a_ttl_is_bounded_and_zero_is_not_kept(daemon, faulty, fault):
    fault(f.huge_ttl, 1.0)
    name, = fresh_names(f.huge_ttl, 1)
    # Each worker has a cache of its own.
    s.wait_until(lambda: is_cached(daemon, faulty, name), "an answer from the cache")
    assert 0 < daemon.ask(name).answer[0].ttl <= 86400
    fault(f.zero_ttl, 1.0)
    name, = fresh_names(f.zero_ttl, 1)
    for _ in range(3):
        assert daemon.ask(name).answer[0].ttl == 0
    assert faulty.questions.count(f"{name} IN A") == 3


@pytest.fixture
def fresh_daemon(server, faulty):
    """One that has learnt nothing yet of its upstream."""
    server.upstreams = [faulty.endpoint]
    server.configure()
    return server.start()


def test_bad_replies_do_not_teach_that_a_server_has_no_edns(fresh_daemon, faulty, fault):
    """pdns CVE-2026-52690: FORMERR with a wrong id, then the right reply. The next question still
    has EDNS."""

    def spoofed_formerr(upstream, query, reply, send):
        bad = dns.message.make_response(query)
        bad.use_edns(-1)
        bad.set_rcode(dns.rcode.FORMERR)
        bad.id = query.id ^ 1
        for _ in range(10):
            send(bad.to_wire())
        seen.append(query.edns)
        send(reply.to_wire())

    seen = []
    fault(spoofed_formerr, 1.0)
    for name in fresh_names(spoofed_formerr, 5):
        assert is_right(name, fresh_daemon.ask(name, use_edns=0))
    assert seen == [0] * 5


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP])
def test_a_server_without_edns_is_asked_without(fresh_daemon, faulty, fault, rcode):
    """Each question again at first; after some of them, at once. What is no EDNS matter stays."""

    def no_edns(upstream, query, reply, send):
        seen.append(query.edns)
        if query.edns >= 0:
            reply = dns.message.make_response(query)
            reply.use_edns(-1)
            reply.set_rcode(rcode)
        send(reply.to_wire())

    seen = []
    fault(no_edns, 1.0)
    for name in fresh_names(no_edns, 40):
        assert is_right(name, fresh_daemon.ask(name, use_edns=0, payload=4096, want_dnssec=True))
    workers = len(os.sched_getaffinity(0))
    assert 0 < seen.count(0) <= 3 * workers, seen
    assert seen.count(-1) == 40
    del seen[:]
    name, = fresh_names(no_edns, 1)
    assert is_right(name, fresh_daemon.ask(name))
    assert seen == [-1]


def test_formerr_about_something_else_is_passed_on(fresh_daemon, faulty, fault):
    """With an OPT in it, or to a question without: the server knows what it says."""

    def formerr(upstream, query, reply, send):
        seen.append(query.edns)
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.FORMERR)
        send(reply.to_wire())

    seen = []
    fault(formerr, 1.0)
    for options in ({"use_edns": 0}, {"use_edns": False}):
        name, = fresh_names(formerr, 1)
        reply = fresh_daemon.ask(name, **options)
        assert reply.rcode() == dns.rcode.FORMERR
    assert seen == [0, -1]
