"""[[dns.forward]]: names that other servers know."""

import dns.edns
import dns.rcode
import pytest
import server as s

CORP = "192.0.2.77"


@pytest.fixture
def corp():
    made = s.FakeUpstream(CORP)
    yield made
    made.close()


def forward(suffix, *endpoints):
    servers = ", ".join(f'"{each}"' for each in endpoints)
    return f'\n[[dns.forward]]\nsuffix = "{suffix}"\nupstreams = [{servers}]\n'


@pytest.fixture
def routed(server, upstream, corp):
    """corp.example and a part of mesh go to a server of their own."""
    server.upstreams = [upstream.endpoint]
    server.configure(more=forward("corp.example", corp.endpoint) +
                     forward("legacy.mesh", corp.endpoint) +
                     forward("127.in-addr.arpa", corp.endpoint) + """
[[record]]
name = "own.legacy.mesh"
type = "A"
value = "192.0.2.1"
""")
    return server.start()


def test_each_name_is_asked_where_it_is_known(routed, upstream, corp):
    for tcp in (False, True):
        assert routed.address("www.corp.example", tcp=tcp) == CORP
        assert routed.address("DB.Corp.Example", tcp=tcp) == CORP
        assert routed.address("app.legacy.mesh", tcp=tcp) == CORP
        assert routed.address("www.example", tcp=tcp) == upstream.address
        assert routed.address("xcorp.example", tcp=tcp) == upstream.address
        assert routed.address("own.legacy.mesh", tcp=tcp) == "192.0.2.1"
        assert routed.ask("other.mesh", tcp=tcp).rcode() == dns.rcode.NXDOMAIN
    names = [{each.split()[0].lower() for each in one.questions} for one in (corp, upstream)]
    assert names == [{"www.corp.example.", "db.corp.example.", "app.legacy.mesh."},
                     {"www.example.", "xcorp.example."}]
    # A configured suffix comes before the special names.
    routed.ask("1.0.0.127.in-addr.arpa", "PTR")
    assert corp.questions[-1].startswith("1.0.0.127.in-addr.arpa")
    metrics = routed.metrics()
    for each in (upstream, corp):
        assert metrics[f'meshgate_dns_upstream_up{{upstream="{each.endpoint}"}}'] == 1
    assert {each["address"] for each in routed.status()["upstreams"]} == {upstream.endpoint,
                                                                          corp.endpoint}


def test_a_reload_takes_changed_suffixes_and_forgets_what_the_old_servers_said(routed, upstream,
                                                                               corp):
    assert routed.address("www.corp.example") == CORP
    routed.edit('suffix = "corp.example"', 'suffix = "other.example"')
    routed.reload()
    assert routed.address("www.corp.example") == upstream.address
    assert routed.address("www.other.example") == CORP


def test_when_the_servers_of_a_suffix_are_gone_nobody_else_is_asked(routed, upstream, corp):
    corp.close()
    reply = routed.ask("www.corp.example", use_edns=0)
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert [o.code for o in reply.options if isinstance(o, dns.edns.EDEOption)] in ([22], [23])
    assert upstream.questions == []
    assert routed.get("/readyz")[0] == 200


def test_a_suffix_may_go_to_the_servers_of_resolv_conf(server, corp, upstream):
    server.upstreams = [upstream.endpoint]
    server.configure(more=forward("corp.example", corp.endpoint, "resolv-conf"))
    server.resolv_conf.write_text("nameserver 127.0.0.53\n")
    server.start()
    assert server.address("www.corp.example") == CORP
    assert "127.0.0.53:53" in {each["address"] for each in server.status()["upstreams"]}


def test_what_is_wrong_with_it_is_said_before_anything_changes(routed):
    routed.edit('suffix = "corp.example"', 'suffix = "mesh"')
    done = routed.run("check")
    assert done.returncode == 65
    assert "'mesh' is a domain of 'mesh.domains'" in done.stderr
