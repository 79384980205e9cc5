"""What a client is answered, as design.md section 4 says; the real program, asked by dnspython and
dig."""

import random
import socket
import struct
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import pytest

from server import wait_until

NAME = "backend_default_svc_8080.mesh"
TWIN = "backend.default.svc.8080.mesh.local"

RECORDS = """
[[record]]
name = "db.mesh"
type = "A"
value = "10.0.0.5"

[[record]]
name = "db.mesh"
type = "A"
value = "10.0.0.6"

[[record]]
name = "alias.mesh"
type = "CNAME"
value = "db.mesh."

[[record]]
name = "deep.er.mesh"
type = "TXT"
value = '"x"'

[[record]]
name = "elsewhere.example"
type = "A"
value = "10.0.0.7"
""" + "".join(f"""
[[record]]
name = "wide.mesh"
type = "TXT"
value = '"{number:02}{"x" * 180}"'
""" for number in range(22))


@pytest.fixture
def answering(server, upstream):
    server.upstreams = [upstream.endpoint]
    server.configure(more=RECORDS)
    return server.start()


def extended_errors(reply):
    return [option.code for option in reply.options if option.otype == dns.edns.EDE]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_service_is_an_address_of_both_families(answering, tcp, host):
    for name in (NAME, TWIN, NAME.upper(), NAME + "."):
        reply = answering.ask(name, tcp=tcp, host=host)
        assert reply.rcode() == dns.rcode.NOERROR
        assert reply.flags & dns.flags.AA and reply.flags & dns.flags.RA
        assert [each.to_text() for each in reply.answer[0]] == ["240.0.0.0"]
        assert reply.answer[0].ttl == 30
        reply = answering.ask(name, "AAAA", tcp=tcp, host=host)
        assert [each.to_text() for each in reply.answer[0]] == ["::ffff:240.0.0.0"]


def test_the_question_comes_back_byte_for_byte(answering):
    name = "bAcKeNd_DeFaUlT_sVc_8080.MeSh"
    query = dns.message.make_query(name, "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.sendto(query.to_wire(), ("127.0.0.1", answering.port))
        wire = client.recv(65535)
    end = 12 + len(name) + 2 + 4
    assert wire[12:end] == query.to_wire()[12:end]


@pytest.mark.parametrize("name, rdtype", [
    (NAME, "MX"), (NAME, "TXT"), (NAME, "HTTPS"), (NAME, "TYPE65280"), (NAME, "DS"),
    ("db.mesh", "AAAA"), ("er.mesh", "A"), ("mesh", "A"), ("mesh", "DNSKEY"), ("mesh.local", "A")])
def test_a_name_that_is_there_has_no_data_of_other_types(answering, upstream, name, rdtype):
    reply = answering.ask(name, rdtype)
    assert reply.rcode() == dns.rcode.NOERROR
    assert not reply.answer
    assert reply.authority[0].rdtype == dns.rdatatype.SOA
    assert reply.authority[0].ttl <= 30
    assert not upstream.questions


@pytest.mark.parametrize("name", ["nosuch.mesh", "x.db.mesh", "a.b.c.mesh.local", "NOSUCH.Mesh"])
@pytest.mark.parametrize("rdtype", ["A", "AAAA", "TXT", "SRV"])
def test_an_unknown_name_under_our_suffix_is_nxdomain_and_never_leaves(answering, upstream, name, rdtype):
    reply = answering.ask(name, rdtype)
    assert reply.rcode() == dns.rcode.NXDOMAIN
    assert reply.authority[0].rdtype == dns.rdatatype.SOA
    assert not upstream.questions


def test_the_apex_has_soa_and_ns_and_a_vip_its_name(answering):
    for apex in ("mesh", "mesh.local"):
        assert answering.ask(apex, "SOA").answer[0].rdtype == dns.rdatatype.SOA
        assert answering.ask(apex, "NS").answer[0].rdtype == dns.rdatatype.NS
    for address in ("240.0.0.0", "::ffff:240.0.0.0"):
        reply = answering.ask(dns.reversename.from_address(address) if ":" not in address else
                              "0.0.0.0.0.0.0.f.f.f.f.f" + ".0" * 20 + ".ip6.arpa.", "PTR")
        assert reply.answer[0][0].to_text() == NAME + "."


def test_any_is_minimal(answering):
    reply = answering.ask("db.mesh", "ANY")
    assert reply.rcode() == dns.rcode.NOERROR
    assert sum(len(rrset) for rrset in reply.answer) <= 2


def test_records_of_any_domain_are_ours(answering, upstream):
    assert sorted(each.to_text() for each in answering.ask("db.mesh").answer[0]) == [
        "10.0.0.5", "10.0.0.6"]
    assert answering.address("elsewhere.example") == "10.0.0.7"
    reply = answering.ask("alias.mesh")
    assert reply.answer[0].rdtype == dns.rdatatype.CNAME
    assert reply.answer[1].rdtype == dns.rdatatype.A
    assert not upstream.questions


def test_what_does_not_fit_is_truncated_whole_and_tcp_has_it(answering):
    for payload in (None, 512, 1232):
        reply = answering.ask("wide.mesh", "TXT", use_edns=payload is not None,
                              payload=payload or 512)
        assert reply.flags & dns.flags.TC
        assert not reply.answer
        assert len(reply.to_wire()) <= (payload or 512)
    assert len(answering.ask("wide.mesh", "TXT", tcp=True).answer[0]) == 22


def test_edns_comes_back_only_to_those_who_sent_it(answering):
    assert answering.ask(NAME).edns == -1
    reply = answering.ask(NAME, use_edns=0, payload=4096)
    assert reply.edns == 0
    wire = bytearray(dns.message.make_query(NAME, "A", use_edns=0).to_wire())
    wire[-5] = 1  # the version
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.sendto(wire, ("127.0.0.1", answering.port))
        assert dns.message.from_wire(client.recv(65535)).rcode() == dns.rcode.BADVERS


def test_other_operations_and_classes_are_refused_politely(answering):
    query = dns.message.make_query("mesh", "SOA")
    query.set_opcode(dns.opcode.UPDATE)
    query.flags &= ~dns.flags.RD
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.sendto(query.to_wire(), ("127.0.0.1", answering.port))
        assert client.recv(65535)[3] & 15 == dns.rcode.NOTIMP
    reply = answering.ask("version.mesh", "TXT", rdclass=dns.rdataclass.CH)
    assert reply.rcode() == dns.rcode.REFUSED


def test_the_rest_is_forwarded_by_udp_and_by_tcp_when_cut(forwarding, upstream):
    assert forwarding.address("www.outside.example") == upstream.address
    assert forwarding.address("www.outside.example", tcp=True) == upstream.address
    reply = forwarding.ask("big.outside.example", "TXT")
    assert reply.flags & dns.flags.TC
    reply = forwarding.ask("big.outside.example", "TXT", tcp=True)
    assert len(reply.answer[0]) == 30
    assert all("outside.example" in question for question in upstream.questions)


def test_dig_is_content(answering):
    done = subprocess.run(["dig", "@127.0.0.1", "-p", str(answering.port), "+tries=1", NAME],
                          text=True, capture_output=True, check=True)
    assert "status: NOERROR" in done.stdout
    assert [f"{NAME}.", "30", "IN", "A", "240.0.0.0"] in [line.split() for line in done.stdout.splitlines()]
    assert "WARNING" not in done.stdout and ";; Warning" not in done.stdout
    done = subprocess.run(["dig", "@127.0.0.1", "-p", str(answering.port), "+tcp", "+keepopen",
                           NAME, "db.mesh", "+short"], text=True, capture_output=True, check=True)
    assert sorted(done.stdout.split()) == ["10.0.0.5", "10.0.0.6", "240.0.0.0"]


def test_datagrams_of_every_size_and_content_do_no_harm(answering):
    noise = random.Random(7)
    valid = dns.message.make_query(NAME, "A", use_edns=0).to_wire()
    sizes = [0, 1, 11, 12, 13, 17, 511, 512, 513, 4096, 65000, 65507]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        where = ("127.0.0.1", answering.port)
        for size in sizes:
            client.sendto(noise.randbytes(size), where)
            client.sendto((valid + bytes(65507))[:size], where)
        for end in range(len(valid)):
            client.sendto(valid[:end], where)
        for number in range(2000):
            spoilt = bytearray(valid)
            for _ in range(noise.randrange(1, 4)):
                spoilt[noise.randrange(len(spoilt))] = noise.randrange(256)
            client.sendto(spoilt, where)
            if number % 200 == 0:
                assert answering.address(NAME) == "240.0.0.0"
    assert answering.address(NAME) == "240.0.0.0"
    assert answering.process.poll() is None


def test_tcp_frames_of_every_size_do_no_harm(answering):
    noise = random.Random(11)
    for size in (0, 1, 11, 12, 13, 300, 65535):
        with socket.create_connection(("127.0.0.1", answering.port), 20) as client:
            client.sendall(struct.pack("!H", size) + noise.randbytes(size))
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
    assert answering.address(NAME, tcp=True) == "240.0.0.0"
    assert answering.process.poll() is None


def test_every_upstream_being_ourselves_is_servfail_and_not_ready(server):
    server.upstreams = [f"127.0.0.1:{server.port}", f"[::1]:{server.port}"]
    server.configure()
    server.start(ready="/healthz")
    # The endpoint is up before the names are: until then the reason is "starting" (EDE 14).
    wait_until(lambda: server.get("/readyz") == (503, "upstreams\n"), "the names")
    reply = server.ask("www.outside.example", use_edns=0)
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert extended_errors(reply) == [22]
    assert server.address(NAME) == "240.0.0.0"
    assert f"127.0.0.1:{server.port} is this server" in server.output()
    assert server.status()["upstreams"] == []


def test_without_upstreams_configured_it_is_ready_and_outside_names_fail(running):
    assert running.get("/readyz") == (200, "ready")
    reply = running.ask("www.outside.example", use_edns=0)
    assert reply.rcode() in (dns.rcode.SERVFAIL, dns.rcode.REFUSED)
