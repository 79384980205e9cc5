"""EDNS is spoken from hop to hop: what a client says of itself does not reach an upstream, what an
upstream says of itself does not reach a client; what is about the answer passes both ways."""

import socket

import dns.edns
import dns.flags
import dns.message
import faulty as f
import pytest
import server as s

COOKIE = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"12345678")
KEEPALIVE = dns.edns.GenericOption(dns.edns.OptionType.KEEPALIVE, b"")
PADDING = dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(40))
NSID = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")
UNKNOWN = dns.edns.GenericOption(65001, b"\x01\x02")


@pytest.fixture
def asked():
    """The queries as the upstream saw them."""
    return []


@pytest.fixture
def faulty(asked):
    made = f.FaultyUpstream()

    def remember(upstream, query, reply, send):
        asked.append(query)
        options = [dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"1234567812345678"),
                   dns.edns.EDEOption(3, "kept"),
                   dns.edns.GenericOption(65001, b"\x03")]
        reply.use_edns(0, payload=4096, options=options if query.edns >= 0 else None)
        send(reply.to_wire())

    made.fault, made.strength = remember, 1.0
    yield made
    made.close()


@pytest.fixture
def daemon(server, faulty):
    server.upstreams = [faulty.endpoint]
    server.configure()
    return server.start()


def codes(message):
    return sorted(int(option.otype) for option in message.options)


@pytest.mark.parametrize("payload", [512, 1232, 4096, 65535])
@pytest.mark.parametrize("tcp", [False, True])
def test_1232_bytes_are_asked_for_whatever_the_client_can_take(daemon, asked, payload, tcp):
    reply = daemon.ask("size.example", use_edns=0, payload=payload, tcp=tcp)
    assert [query.payload for query in asked] == [1232]
    assert reply.answer and reply.edns == 0 and reply.payload == 1232


def test_cookies_keepalive_and_padding_go_no_further(daemon, asked):
    """RFC 7873, 7828 and 7830: none of them is spoken here, and none is somebody else's to hear."""
    reply = daemon.ask("options.example", use_edns=0, want_dnssec=True,
                       options=[COOKIE, KEEPALIVE, PADDING, NSID, UNKNOWN])
    query, = asked
    assert codes(query) == [3, 65001]
    assert query.ednsflags & dns.flags.DO
    assert codes(reply) == [15, 65001]


def test_padding_takes_no_large_query_over_tcp(daemon, asked):
    query = dns.message.make_query("padded.example", "A", use_edns=0, payload=4096,
                                   options=[dns.edns.GenericOption(12, bytes(2000))])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(s.PATIENCE)
        client.sendto(query.to_wire(max_size=65535), ("127.0.0.1", daemon.port))
        assert dns.message.from_wire(client.recv(65535)).answer
    assert len(asked) == 1 and codes(asked[0]) == []


def test_who_has_no_edns_hears_of_none(daemon, asked):
    assert daemon.ask("plain.example").edns == -1
    assert [query.edns for query in asked] == [-1]
