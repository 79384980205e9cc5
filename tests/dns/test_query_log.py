"""`[dns] query_log`: each query and its answer as a line of JSON, or in the journal."""

import json
import os
import re
import socket

import dns.message
import dns.query
import pytest
import server as s
from conftest import needs_root

OWNED = "backend_default_svc_8080.mesh"
# systemd's journal is a socket of ours, in a /run of the daemon's own.
WITH_JOURNAL = ["unshare", "--mount", "sh", "-c",
                'mount -t tmpfs none /run && mkdir /run/systemd && ln -s "$1" /run/systemd/journal && shift && exec "$@"',
                "sh"]


def lines_of(file):
    """What is written so far: whole lines only, each of them JSON, in order of time: each core has
    its turn at the file."""
    if not file.exists():
        return []
    lines = [json.loads(line) for line in file.read_text().split("\n")[:-1]]
    return sorted(lines, key=lambda line: line["time"])


@pytest.fixture
def log(folder):
    return folder / "queries.jsonl"


@pytest.fixture
def logging(server, upstream, log):
    log.parent.chmod(0o777)
    server.upstreams = [upstream.endpoint]
    server.configure(dns=f'query_log = "{log}"')
    return server.start()


def wait_for_lines(log, count):
    return s.wait_until(lambda: len(lines_of(log)) >= count and lines_of(log), f"{count} lines")


def test_every_query_is_a_line(logging, log):
    logging.ask(OWNED)
    logging.ask("WWW.outside.example", tcp=True)
    logging.ask("nothing.mesh", "AAAA")
    logging.ask("localhost", host="::1")
    lines = wait_for_lines(log, 4)
    assert [(line["name"], line["type"], line["proto"], line["rcode"], line["source"], line["client"])
            for line in lines] == [
        (OWNED, "A", "udp", "NOERROR", "owned", "127.0.0.1"),
        ("WWW.outside.example", "A", "tcp", "NOERROR", "upstream", "127.0.0.1"),
        ("nothing.mesh", "AAAA", "udp", "NXDOMAIN", "owned", "127.0.0.1"),
        ("localhost", "A", "udp", "NOERROR", "local", "::1")]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])
        assert line["class"] == "IN" and line["port"] > 0 and line["bytes"] > 12
        assert line["microseconds"] >= 0
    assert logging.metrics()["meshgate_dns_query_log_lost_total"] == 0


def test_a_trace_is_no_client(logging, log):
    assert logging.run("query", "www.outside.example", "--trace").returncode == 0
    logging.ask(OWNED)
    assert [line["name"] for line in wait_for_lines(log, 1)] == [OWNED]


def test_hostile_names_stay_in_their_string(logging, log):
    for label in (b'"}\n{"name":"x', b"\\", b"\0\x1b[2J", b"\xff\xfe" * 20):
        name = dns.name.Name([label, b"mesh", b""])
        logging.ask(name)
    lines = wait_for_lines(log, 4)
    assert len(lines) == 4 and len(log.read_text().splitlines()) == 4
    assert all(line["rcode"] == "NXDOMAIN" and line["name"].endswith(".mesh") for line in lines)
    assert log.read_bytes().isascii()


def test_what_is_no_question_is_logged_too(logging, log):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"\0\1\1\0" + bytes(8), ("127.0.0.1", logging.port))
    line = wait_for_lines(log, 1)[0]
    assert (line["name"], line["rcode"]) == (None, "FORMERR") and "type" not in line


def test_all_of_many_are_there(logging, log):
    names = [f"n{number}.mesh" for number in range(2000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(s.PATIENCE)
        client.connect(("127.0.0.1", logging.port))
        for name in names:
            client.send(dns.message.make_query(name, "A").to_wire())
            client.recv(512)
    lines = wait_for_lines(log, len(names))
    assert sorted(line["name"] for line in lines) == sorted(names)


def test_a_sample_is_a_part(server, log):
    log.parent.chmod(0o777)
    server.configure(dns=f'query_log = "{log}"\nquery_log_sample = 10')
    server.start()
    for _ in range(2000):
        server.ask(OWNED)
    server.stop()
    assert 100 < len(lines_of(log)) < 300


def test_the_end_writes_what_is_left(logging, log):
    logging.ask(OWNED)
    assert logging.stop() == 0
    assert len(lines_of(log)) == 1


def test_a_reload_goes_on_in_a_new_file_begins_and_ends_it(logging, log):
    logging.ask(OWNED)
    wait_for_lines(log, 1)
    old = log.rename(log.with_suffix(".1"))  # as logrotate does
    logging.reload()
    logging.ask("nothing.mesh")
    assert [line["name"] for line in wait_for_lines(log, 1)] == ["nothing.mesh"]
    assert [line["name"] for line in lines_of(old)] == [OWNED]
    logging.edit(f'query_log = "{log}"', 'query_log = ""')
    logging.reload()
    logging.ask(OWNED)
    logging.edit('query_log = ""', f'query_log = "{log}"')
    logging.reload()
    logging.ask("last.mesh")
    assert [line["name"] for line in wait_for_lines(log, 2)] == ["nothing.mesh", "last.mesh"]


def test_a_file_that_cannot_be_opened_is_a_warning(server):
    server.configure(dns='query_log = "/proc/nowhere/queries"')
    server.start()
    assert server.address(OWNED) == "240.0.0.0"
    assert "query log /proc/nowhere/queries: No such file or directory: no query log" in server.output()


def test_a_full_disk_loses_lines_and_no_answer(server):
    server.configure(dns='query_log = "/dev/full"')
    server.start()
    for _ in range(10):
        assert server.address(OWNED) == "240.0.0.0"
    s.wait_until(lambda: server.metrics()["meshgate_dns_query_log_lost_total"] == 10, "the count")
    assert server.output().count("query log: not all of it can be written") == 1


def test_standard_output(server):
    server.configure(dns='query_log = "stdout"')
    server.start()
    server.ask(OWNED)
    s.wait_until(lambda: f'"name":"{OWNED}"' in server.output(), "a line")


@needs_root
def test_the_journal(server, folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        (folder / "journal").mkdir()
        journal.bind(str(folder / "journal" / "socket"))
        os.chmod(folder / "journal" / "socket", 0o666)
        journal.settimeout(s.PATIENCE)
        server.configure(dns='query_log = "journal"')
        server.start(wrapper=[*WITH_JOURNAL, str(folder / "journal")])
        server.ask(OWNED)
        server.ask(dns.name.Name([b"a\nPRIORITY=0", b"mesh", b""]))
        entries = [dict(line.split("=", 1) for line in journal.recv(65536).decode().splitlines())
                   for _ in range(2)]
    entries.sort(key=lambda entry: entry["MESHGATE_RCODE"])
    assert entries[0]["MESHGATE_NAME"] == OWNED and entries[0]["SYSLOG_IDENTIFIER"] == "meshgate-dns"
    assert re.fullmatch(rf"127\.0\.0\.1 {OWNED} A NOERROR owned \d+ us", entries[0]["MESSAGE"])
    assert entries[1]["PRIORITY"] == "6" and entries[1]["MESHGATE_RCODE"] == "NXDOMAIN"


@needs_root
def test_the_folder_of_the_log_is_given_to_the_servers_user(server, folder):
    server.user = "4712"
    log = folder / "meshgate" / "queries.jsonl"
    server.configure(dns=f'query_log = "{log}"')
    server.start()
    server.ask(OWNED)
    wait_for_lines(log, 1)
    assert (log.stat().st_uid, log.stat().st_mode & 0o777) == (4712, 0o640)
