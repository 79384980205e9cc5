"""Names that no server outside can know never reach one."""

import dns.flags
import dns.rcode
import pytest
import server as s


@pytest.mark.parametrize("name, rdtype, rcode, answer", [
    ("localhost", "A", "NOERROR", "127.0.0.1"),
    ("db.LocalHost", "AAAA", "NOERROR", "::1"),
    ("localhost", "MX", "NOERROR", None),
    ("1.0.0.127.in-addr.arpa", "PTR", "NOERROR", "localhost."),
    ("9.0.0.127.in-addr.arpa", "PTR", "NXDOMAIN", None),
    ("www.invalid", "A", "NXDOMAIN", None),
    ("service.onion", "A", "NXDOMAIN", None),
    ("_dns.resolver.arpa", "SVCB", "NOERROR", None),
])
def test_they_are_answered_here(forwarding, upstream, name, rdtype, rcode, answer):
    for tcp in (False, True):
        reply = forwarding.ask(name, rdtype, tcp=tcp)
        assert dns.rcode.to_text(reply.rcode()) == rcode
        assert reply.flags & dns.flags.AA
        assert [each.to_text() for each in reply.answer[0]] == [answer] if answer else not reply.answer
        assert answer or reply.authority  # NXDOMAIN and NODATA with their SOA
    assert upstream.questions == []
    key = f'meshgate_dns_responses_total{{rcode="{rcode}",source="local"}}'
    assert forwarding.metrics()[key] == 2


def test_private_reverse_names_are_asked_or_not_as_configured(forwarding, upstream):
    name = "5.0.0.10.in-addr.arpa"
    forwarding.ask(name, "PTR")
    assert len(upstream.questions) == 1
    forwarding.configure(dns='private_reverse = "local"')
    forwarding.reload()
    assert forwarding.ask(name, "PTR").rcode() == dns.rcode.NXDOMAIN
    assert len(upstream.questions) == 1


def test_what_becomes_private_by_a_reload_is_forgotten(forwarding, upstream):
    """Not only what was asked: the cache had an answer, and no reload but this one flushes it."""
    def asked():
        before = len(upstream.questions)
        forwarding.ask("5.0.0.10.in-addr.arpa", "A")
        return len(upstream.questions) - before

    # Each worker has a cache of its own: until all of them have it.
    s.wait_until(lambda: sum(asked() for _ in range(16)) == 0, "the caches")
    forwarding.reload()
    assert sum(asked() for _ in range(16)) == 0
    forwarding.configure(dns='private_reverse = "local"')
    forwarding.reload()
    for _ in range(16):
        assert forwarding.ask("5.0.0.10.in-addr.arpa", "A").rcode() == dns.rcode.NXDOMAIN
    forwarding.configure()
    forwarding.reload()
    assert forwarding.address("5.0.0.10.in-addr.arpa") == upstream.address


def test_ones_own_record_comes_first(forwarding, upstream):
    forwarding.configure(more="""
[[record]]
name = "router.invalid"
type = "A"
value = "192.0.2.1"
""")
    forwarding.reload()
    assert forwarding.address("router.invalid") == "192.0.2.1"
    assert forwarding.ask("other.invalid").rcode() == dns.rcode.NXDOMAIN
    assert upstream.questions == []
