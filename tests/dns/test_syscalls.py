"""System calls that fail now and then, as they do where memory, files, buffers or addresses run out: the
daemon neither ends nor hangs nor says anything wrong, and each question is answered when it is asked
again."""

import contextlib
import os
import resource

import dns.exception
import dns.rcode
import faulty as f
import pytest
import server as s

NAME = "backend_default_svc_8080.mesh"
OFTEN = [  # in the normal run; the others with MESHGATE_FULL
    ("recvmmsg", "EINTR"), ("sendmmsg", "EPERM"), ("epoll_wait", "EINTR"), ("accept4", "EMFILE"),
]
MORE = [
    ("sendto", "EPERM"), ("recvmmsg", "ENOMEM"), ("recvmmsg", "EAGAIN"),
    ("recvmmsg", "ECONNREFUSED"), ("sendmmsg", "EINTR"), ("sendmmsg", "EAGAIN"),
    ("sendmmsg", "ENETUNREACH"), ("accept4", "ECONNABORTED"), ("accept4", "EINTR"),
    ("accept4", "ENOBUFS"), ("accept4", "EPERM"), ("recvfrom", "EINTR"),
    ("recvfrom", "ECONNRESET"), ("sendmsg", "ENOBUFS"), ("sendto", "ENETUNREACH"),
    ("sendto", "ENOBUFS"), ("sendmmsg", "ENOBUFS"), ("sendto", "EINTR"),
    ("connect", "EADDRNOTAVAIL"), ("connect", "ENETUNREACH"), ("getrandom", "EINTR"),
]


@pytest.fixture
def faulty():
    made = f.FaultyUpstream()
    yield made
    made.close()


def is_answered(server, name, address, tcp):
    """Asked once, with little patience: True when the answer is there; a wrong one ends the test."""
    query = s.dns.message.make_query(name, "A")
    exchange = s.dns.query.tcp if tcp else s.dns.query.udp
    with contextlib.suppress(dns.exception.Timeout, OSError, EOFError):
        reply = exchange(query, "127.0.0.1", port=server.port, timeout=0.5)
        if reply.rcode() == dns.rcode.SERVFAIL:
            return False
        assert [record.to_text() for each in reply.answer for record in each] == [address], reply
        return True
    return False


@pytest.mark.parametrize("call, error", OFTEN + MORE if os.environ.get("MESHGATE_FULL") else OFTEN)
def test_each_third_call_fails_and_each_question_is_answered(server, faulty, call, error):
    server.upstreams = [faulty.endpoint]
    server.configure()
    # From the sixth: what a start needs is there, or the start says what is missing.
    server.start(wrapper=["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                          f"inject={call}:error={error}:when=6+3"])
    for number in range(8):
        fresh = f"{call}{number}.example"
        for name, address in ((NAME, "240.0.0.0"), (fresh, f.address_of(f"{fresh}."))):
            for tcp in (False, True):
                s.wait_until(lambda name=name, address=address, tcp=tcp:
                             is_answered(server, name, address, tcp), f"an answer for {name}")
    assert server.process.poll() is None, server.output()


def test_without_a_file_to_spare_names_of_ours_are_answered_and_then_all_is_well(server, faulty):
    """EMFILE from the first socket to an upstream on, as when others of the same user took them all."""
    server.upstreams = [faulty.endpoint]
    server.configure()
    server.start()
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = max(int(number) for number in os.listdir(f"/proc/{pid}/fd")) + 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, before[1]))
    for number in range(20):
        assert server.address(NAME) == "240.0.0.0"
        reply = server.ask(f"none{number}.example", use_edns=0)
        assert reply.rcode() in (dns.rcode.SERVFAIL, dns.rcode.NOERROR)
    assert not is_answered(server, NAME, "240.0.0.0", tcp=True)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    for tcp in (False, True):
        s.wait_until(lambda tcp=tcp: is_answered(server, NAME, "240.0.0.0", tcp), "an answer for ours")
        for name in ("none1.example", "other.example"):
            s.wait_until(lambda name=name, tcp=tcp:
                         is_answered(server, name, f.address_of(f"{name}."), tcp), f"an answer for {name}")
