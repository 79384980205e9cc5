"""Names as applications ask for them, through the capture."""

import itertools
import json
import re
import shutil
import subprocess

import lab
import mesh as m
import pytest


def test_dig_over_tcp_gets_the_vip_from_the_address_it_asked(mesh):
    reply = mesh.dig("backend.mesh", "A", "+tcp")
    assert re.search(rf"^backend\.mesh\.\s+30\s+IN\s+A\s+{re.escape(m.VIP)}$", reply, re.M), reply
    assert f"SERVER: {m.DNS_ADDRESS}#53" in reply
    assert " aa " in re.search(r"flags:([^;]*);", reply)[1] + " "


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_an_answer_of_4000_bytes_arrives_whole(mesh, transport):
    """Over UDP the server outside truncates, and so does ours: dig comes back over TCP."""
    reply = mesh.dig("text.big.example", "TXT", transport)
    texts = re.findall(r'"(\d{3})(x{197})"', reply)
    assert [int(number) for number, _ in texts] == list(range(20)), reply


def free_source_port(vm):
    """Which the resolver may take next, and holds not just now: its sockets live for long."""
    taken = set(re.findall(r":(\d+)\s", vm.run("ss", "-Huan")))
    return next(port for port in range(41234, 60999) if str(port) not in taken)


@pytest.mark.parametrize("server", [m.DNS_ADDRESS, m.DNS_ADDRESS6])
def test_a_thousand_queries_from_one_reused_source_port_are_all_answered(mesh, server):
    """A source port that the resolver may just have used itself: each query from a new socket."""
    mesh.vm.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=32768 60999")
    client = mesh.client("udp", server, 1000, "backend.mesh", "www.outside.example",
                         "--source-port", free_source_port(mesh.vm))
    assert client.wait(120) == 0, client.output()
    assert json.loads(client.output()) == {f"NOERROR {m.VIP}": 500,
                                           f"NOERROR {m.SERVICE_ADDRESS}": 500}
    assert mesh.metric("meshgate_dns_loops_total") == 0


def test_a_hundred_captured_tcp_queries_leak_nothing_and_leave_no_socket_behind(mesh):
    real_server = f"tcp port 53 and (host {m.DNS_ADDRESS} or host {m.DNS_ADDRESS6})"
    with mesh.vm.capture(m.OUTSIDE_LINK, real_server) as leaked:
        for server in (m.DNS_ADDRESS, m.DNS_ADDRESS6):
            client = mesh.client("tcp", server, 50, "backend.mesh", "--each-connection")
            assert client.wait(60) == 0, client.output()
            assert json.loads(client.output()) == {f"NOERROR {m.VIP}": 50}
        # An orphaned socket stays in LAST-ACK for minutes; a healthy one for less than a moment.
        lab.wait_until(lambda: not mesh.vm.run("ss", "-Htan", "state", "last-ack"),
                       "sockets to leave LAST-ACK")
    assert leaked.count() == 0, leaked.packets


def test_the_resolvers_of_glibc_and_musl_find_the_vip_and_the_outside_name(mesh):
    for compiler in ("gcc", "musl-gcc"):
        if not shutil.which(compiler):
            pytest.skip(f"no {compiler}")
        program = mesh.folder / f"resolve-{compiler}"
        static = ["-static"] if compiler == "musl-gcc" else []
        subprocess.run([compiler, "-O1", *static, "-o", program, m.HELPERS / "resolve.c"],
                       check=True)
        program.chmod(0o755)
        found = mesh.vm.run(program, "backend.mesh", "www.outside.example", uid=m.APP_UID)
        lines = {line.split()[0]: set(line.split()[1:]) for line in found.splitlines()}
        assert m.VIP in lines["backend.mesh"], found
        assert {m.SERVICE_ADDRESS, m.SERVICE_ADDRESS6} == lines["www.outside.example"], found


last_words = itertools.count()


def owned_questions(mesh):
    """How often the outside server was asked for an owned name, by its log up to a last word.

    The last word is a question of our own to that server: its log is late at times, and so may be
    a question that an earlier test's forwarder still had on its way."""
    last_word = f"last-word-{next(last_words)}.outside.example"
    mesh.outside.try_run("dig", f"@{m.DNS_ADDRESS}", last_word, "+time=1", "+tries=3")
    lab.wait_until(lambda: f" {last_word} from" in mesh.outside_dns.output(), "the log's last word")
    return len(re.findall(r"query\[[^]]+\] (?:\S+\.)?mesh from", mesh.outside_dns.output(), re.I))


def test_no_question_about_an_owned_name_reaches_the_outside_server(mesh):
    before = owned_questions(mesh)
    for kind in ("A", "AAAA", "TXT", "MX", "SOA", "DS", "HTTPS", "ANY", "TYPE65280"):
        for name in ("backend.mesh", "BACKEND.Mesh", "nothing.mesh", "mesh"):
            mesh.dig(name, kind)
    assert owned_questions(mesh) == before
    mesh.outside.try_run("dig", f"@{m.DNS_ADDRESS}", "BACKEND.Mesh", "+time=1", "+tries=1")
    assert owned_questions(mesh) == before + 1  # it would have been seen
