"""[[dns.forward]]: names that other servers know."""

import socket
import threading

import dns.edns
import dns.message
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


class Gated(s.FakeUpstream):
    """Answers nothing before it is opened."""

    def __init__(self):
        self.gate = threading.Event()
        super().__init__()

    def reply(self, wire):
        self.gate.wait(s.PATIENCE)
        return super().reply(wire)

    def close(self):
        self.gate.set()
        super().close()


def test_a_question_that_many_ask_is_asked_once(server):
    upstream = Gated()
    try:
        server.upstreams = [upstream.endpoint]
        server.configure()
        server.start()
        queries = [dns.message.make_query("www.example", "A", id=number, use_edns=number % 2 - 1,
                                          payload=512 + number) for number in range(1, 151)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(s.PATIENCE)
            client.connect(("127.0.0.1", server.port))  # one source, and so one core
            for query in queries:
                client.send(query.to_wire())
            received = 'meshgate_dns_queries_total{proto="udp",family="ipv4"}'
            s.wait_until(lambda: server.metrics()[received] == len(queries), "all have arrived")
            upstream.gate.set()
            waiting = {query.id: query for query in queries}
            while waiting:
                reply = dns.message.from_wire(client.recv(4096))
                query = waiting.pop(reply.id)
                assert query.is_response(reply) and reply.answer
                assert (reply.edns >= 0) == (query.edns >= 0)
        assert len(upstream.questions) <= 6  # once, and again every 0.8 s that this took
    finally:
        upstream.close()


class Folding(s.FakeUpstream):
    """Answers in lower case, whatever it was asked in."""

    def reply(self, wire):
        length = len(dns.message.from_wire(wire).question[0].name.to_wire())
        return super().reply(wire[:12] + wire[12:12 + length].lower() + wire[12 + length:])


def test_upstreams_are_asked_in_random_case_and_clients_see_nothing_of_it(forwarding, upstream):
    names = [f"a-long-enough-name-{number}.Example" for number in range(20)]
    for name in names:
        reply = forwarding.ask(name)
        assert reply.question[0].name.to_text() == f"{name}."
        assert reply.answer
    assert {each.lower() for each in upstream.spellings} == {f"{each.lower()}." for each in names}
    assert sum(each != each.lower() for each in upstream.spellings) >= 19
    assert len({each[:18] for each in upstream.spellings}) >= 15


def test_an_upstream_that_does_not_copy_letters_is_used_all_the_same(server):
    upstream = Folding()
    try:
        server.upstreams = [upstream.endpoint]
        server.configure()
        server.start()
        for number in range(8):
            reply = server.ask(f"Name-{number}.example")
            assert reply.answer and reply.question[0].name.to_text() == f"Name-{number}.example."
    finally:
        upstream.close()


def test_two_servers_that_forward_to_each_other_do_not_keep_each_other_busy(folder):
    servers = []
    try:
        for name in ("a", "b"):
            (folder / name).mkdir(mode=0o755)
            servers.append(s.Server(folder / name))
        for one, other in (servers, servers[::-1]):
            one.upstreams = [f"127.0.0.1:{other.port}"]
            one.configure()
            one.start()
        reply = servers[0].ask("www.example")
        assert reply.rcode() == dns.rcode.SERVFAIL
        sent = sum(value for each in servers for key, value in each.metrics().items()
                   if key.startswith("meshgate_dns_upstream_requests_total"))
        # Each asks the other once, and again while nobody answers.
        assert sent <= 24, sent
    finally:
        for each in servers:
            each.close()
