"""Search domains: programs that ask for OWNED-NAME.DOMAIN get the owned name in the same answer. And
wildcards, of which the most specific counts. The rows are those of Istio's DNS proxy that apply."""

import dns.flags
import dns.rcode
import pytest
from feed import Feed
from server import wait_until

RECORDS = "".join(f'\n[[record]]\nname = "{name}"\ntype = "{kind}"\nvalue = "{value}"\n'
                  for name, kind, value in [
                      ("web.mesh", "A", "240.0.1.1"),
                      ("pay.example.com", "A", "240.0.1.2"),
                      ("alias.mesh", "CNAME", "web.mesh."),
                      ("real.mesh.corp.example", "A", "240.0.1.3"),
                      ("real.mesh", "A", "240.0.1.4"),
                      ("*.wild.mesh", "A", "240.0.2.1"),
                      ("*.b.wild.mesh", "A", "240.0.2.2"),
                      ("own.b.wild.mesh", "A", "240.0.2.3"),
                  ])


@pytest.fixture
def searching(server, upstream):
    server.upstreams = [upstream.endpoint]
    server.configure(RECORDS)
    server.resolv_conf.write_text("domain old.example\nsearch Corp.Example. second.example mesh\n")
    return server.start()


def lines(reply):
    """The answer section: "owner TYPE value"."""
    return [f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rrset[0]}" for rrset in reply.answer]


def is_forwarded(server, upstream, name):
    before = len(upstream.questions)
    server.ask(name)
    return len(upstream.questions) > before


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, target, more", [
    ("web.mesh.corp.example.", "web.mesh.", ["web.mesh. A 240.0.1.1"]),
    ("Web.Mesh.SECOND.example.", "web.mesh.", ["web.mesh. A 240.0.1.1"]),
    ("web.mesh.mesh.", "web.mesh.", ["web.mesh. A 240.0.1.1"]),
    ("pay.example.com.corp.example.", "pay.example.com.", ["pay.example.com. A 240.0.1.2"]),
    ("alias.mesh.corp.example.", "alias.mesh.",
     ["alias.mesh. CNAME web.mesh.", "web.mesh. A 240.0.1.1"]),
    ("x.wild.mesh.corp.example.", "x.wild.mesh.", ["x.wild.mesh. A 240.0.2.1"]),
])
def test_an_owned_name_is_answered_in_one_reply_for_every_search_domain(searching, upstream, name,
                                                                         target, more, tcp):
    reply = searching.ask(name, tcp=tcp)
    assert reply.rcode() == dns.rcode.NOERROR and reply.flags & dns.flags.AA
    assert lines(reply) == [f"{name} CNAME {target}", *more]
    assert not upstream.questions


@pytest.mark.parametrize("kind", ["AAAA", "TXT", "HTTPS"])
def test_a_type_that_the_name_has_not_is_nodata_of_the_name(searching, kind):
    reply = searching.ask("web.mesh.corp.example", kind)
    assert reply.rcode() == dns.rcode.NOERROR
    assert lines(reply) == ["web.mesh.corp.example. CNAME web.mesh."]
    assert [str(rrset.name) for rrset in reply.authority] == ["mesh."]  # its SOA


def test_a_question_for_the_alias_itself(searching):
    assert lines(searching.ask("web.mesh.corp.example", "CNAME")) == \
        ["web.mesh.corp.example. CNAME web.mesh."]


def test_a_name_that_exists_is_no_alias(searching):
    assert lines(searching.ask("real.mesh.corp.example")) == ["real.mesh.corp.example. A 240.0.1.3"]
    assert not searching.ask("real.mesh.corp.example", "AAAA").answer


@pytest.mark.parametrize("name", ["no.mesh.corp.example", "mesh.corp.example", "corp.example",
                                  "web.mesh.old.example", "web.mesh.xcorp.example",
                                  "web.meshcorp.example"])
def test_other_names_go_upstream(searching, upstream, name):
    assert is_forwarded(searching, upstream, name)


def test_an_unknown_owned_name_is_not_there_with_a_search_domain_of_ours_either(searching):
    assert searching.ask("no.mesh.mesh").rcode() == dns.rcode.NXDOMAIN


def test_a_change_of_resolv_conf_is_followed(searching):
    searching.resolv_conf.write_text("search new.example\n")
    wait_until(lambda: searching.ask("web.mesh.new.example").answer[0].name.to_text()
               == "web.mesh.new.example." and len(searching.ask("web.mesh.new.example").answer) == 2,
               "the new domain")


def test_the_domains_may_be_named_and_none_may_be(searching, upstream):
    searching.edit("[dns]", '[dns]\nsearch = ["cluster.example"]')
    searching.reload()
    assert len(lines(searching.ask("web.mesh.cluster.example"))) == 2
    assert is_forwarded(searching, upstream, "web.mesh.corp.example")
    searching.edit('search = ["cluster.example"]', "search = []")
    searching.reload()
    assert is_forwarded(searching, upstream, "web.mesh.second.example")
    assert searching.ask("web.mesh.mesh").rcode() == dns.rcode.NXDOMAIN


def test_names_of_the_feed_have_them_too(searching, folder):
    feed = Feed(folder / "feed.sock")
    feed.set({"demo.mesh": ["240.0.0.5"]})
    feed.listen()
    searching.edit("[dns]", f'[feed.kuma]\nsocket = "{feed.path}"\n[dns]')
    searching.reload()
    wait_until(lambda: lines(searching.ask("demo.mesh.corp.example")) ==
               ["demo.mesh.corp.example. CNAME demo.mesh.", "demo.mesh. A 240.0.0.5"], "the name")
    feed.vanish()


@pytest.mark.parametrize("name, address", [
    ("x.wild.mesh", "240.0.2.1"), ("x.y.wild.mesh", "240.0.2.1"), ("X.B.Wild.Mesh", "240.0.2.2"),
    ("y.x.b.wild.mesh", "240.0.2.2"), ("own.b.wild.mesh", "240.0.2.3"),
])
def test_of_wildcards_the_most_specific_counts_and_the_owner_is_the_question(searching, name, address):
    reply = searching.ask(name)
    assert lines(reply) == [f"{name}. A {address}"]
