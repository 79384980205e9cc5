"""Reload: a new configuration, a broken one, other upstreams, another resolv.conf; nothing is lost."""

import os
import random
import re
import signal
import socket
import subprocess
import threading

import dns.message
import dns.rcode
from conftest import needs_root
from server import PATIENCE, PROGRAM, FakeUpstream, wait_until

NAME = "backend_default_svc_8080.mesh"
BROKEN = 200 if os.environ.get("MESHGATE_FULL") else 40


def test_a_reload_is_in_force_when_the_verb_returns(running):
    for number in range(20):
        running.configure(services=(f"s{number}",))
        running.reload()
        assert running.ask(f"s{number}.mesh").rcode() == dns.rcode.NOERROR
        assert running.ask(f"s{number - 1}.mesh").rcode() == dns.rcode.NXDOMAIN
    assert running.metrics()['meshgate_dns_reloads_total{result="ok"}'] == 20
    assert running.status()["reload"] == {"ok": True, "count": 20, "error": ""}


def test_a_bad_reload_keeps_what_was_and_says_why(running):
    running.edit("port = 80", "port = true")
    running.process.send_signal(signal.SIGHUP)
    report = wait_until(lambda: (lambda now: now["reload"]["count"] and now)(running.status()), "reload")
    assert report["reload"]["ok"] is False
    assert re.search(r"meshgate\.toml:\d+:\d+: ", report["reload"]["error"])
    assert re.search(r"meshgate\.toml:\d+:\d+: ", running.output())
    assert running.address(NAME) == "240.0.0.0"
    values = running.metrics()
    assert values['meshgate_dns_reloads_total{result="failed"}'] == 1
    assert values["meshgate_dns_config_last_reload_successful"] == 0
    assert running.get("/readyz")[0] == 200
    running.edit("port = true", "port = 81")
    running.reload()
    assert running.metrics()["meshgate_dns_config_last_reload_successful"] == 1


def test_a_file_that_is_gone_is_a_bad_reload(running):
    running.config.rename(running.config.with_suffix(".old"))
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.status()["reload"]["count"] == 1, "reload")
    assert running.status()["reload"]["ok"] is False
    assert running.address(NAME) == "240.0.0.0"


def test_upstreams_change_with_a_reload_and_resolv_conf_is_read_again(server, upstream):
    other = FakeUpstream("192.0.2.66")
    server.upstreams = [upstream.endpoint]
    server.configure()
    server.start()
    assert server.address("a.example") == "192.0.2.55"
    server.upstreams = [other.endpoint]
    server.configure()
    server.reload()
    assert server.address("b.example") == "192.0.2.66"
    assert [each["address"] for each in server.status()["upstreams"]] == [other.endpoint]
    server.upstreams = ["resolv-conf"]
    server.resolv_conf.write_text("nameserver 192.0.2.1\nnameserver 2001:db8::1\n")
    server.configure()
    server.reload()
    assert [each["address"] for each in server.status()["upstreams"]] == [
        "192.0.2.1:53", "[2001:db8::1]:53"]
    server.resolv_conf.write_text("# being written\n")
    server.reload()
    assert len(server.status()["upstreams"]) == 2
    other.close()


def test_resolv_conf_is_followed(server):
    """Written in place, replaced by a rename, reached through a symlink that is pointed elsewhere."""
    def upstreams():
        return [each["address"] for each in server.status()["upstreams"]]

    server.upstreams = ["resolv-conf"]
    server.configure()
    server.resolv_conf.write_text("nameserver 192.0.2.1\n")
    server.start()
    assert upstreams() == ["192.0.2.1:53"]
    server.resolv_conf.write_text("nameserver 192.0.2.2\n")
    wait_until(lambda: upstreams() == ["192.0.2.2:53"], "written in place")
    beside = server.folder / "resolv.conf.new"
    beside.write_text("nameserver 192.0.2.3\n")
    beside.rename(server.resolv_conf)
    wait_until(lambda: upstreams() == ["192.0.2.3:53"], "replaced by a rename")
    (server.folder / "run").mkdir(exist_ok=True)
    stub = server.folder / "run" / "stub.conf"
    stub.write_text("nameserver 192.0.2.4\n")
    beside.symlink_to(stub)
    beside.rename(server.resolv_conf)
    wait_until(lambda: upstreams() == ["192.0.2.4:53"], "a symlink")
    stub.write_text("nameserver 192.0.2.5\n")
    wait_until(lambda: upstreams() == ["192.0.2.5:53"], "the file behind the symlink")
    server.resolv_conf.unlink()
    stub.write_text("nameserver 192.0.2.6\n")
    server.resolv_conf.symlink_to(stub)
    wait_until(lambda: upstreams() == ["192.0.2.6:53"], "removed and made anew")
    assert "resolv.conf changed: upstreams 192.0.2.6:53" in server.output()


def test_an_upstream_can_be_a_host_name(server, upstream):
    server.upstreams = [f"localhost:{upstream.port}"]  # of /etc/hosts
    server.configure()
    server.start()  # ready means that it is known
    assert server.address("www.outside.example") == upstream.address
    assert upstream.endpoint in [each["address"] for each in server.status()["upstreams"]]


def test_a_configuration_from_standard_input_cannot_be_read_again(server):
    server.log = server.folder / "log-stdin"
    with open(server.log, "wb") as log, open(server.config, "rb") as config:
        server.process = subprocess.Popen([PROGRAM, "--config", "-"], stdin=config, stdout=log,
                                          stderr=log)
    wait_until(lambda: server.is_ready("/readyz"), "ready")
    done = server.run("reload")
    assert done.returncode == 1 and "restart" in done.stderr
    assert server.address(NAME) == "240.0.0.0"


@needs_root
def test_a_file_that_the_user_may_not_read_is_told_at_the_start(server):
    server.user = "5678"
    server.configure()
    server.config.chmod(0o600)
    server.start()
    assert "a reload will fail" in server.output()
    done = server.run("reload")
    assert done.returncode == 1 and str(server.config) in done.stderr
    assert server.address(NAME) == "240.0.0.0"


def test_no_query_is_lost_over_50_reloads(running):
    """10,000 queries, UDP and TCP, while the table is replaced."""
    total = 10_000
    sent = {"udp": 0, "tcp": 0}
    wrong = []
    stop = threading.Event()

    def udp():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", running.port))
            while sent["udp"] < total // 2 or not stop.is_set():
                query = dns.message.make_query(NAME, "A")
                client.send(query.to_wire())
                check(query, client.recv(65535))
                sent["udp"] += 1

    def tcp():
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as client:
            while sent["tcp"] < total // 2 or not stop.is_set():
                query = dns.message.make_query(NAME, "A")
                wire = query.to_wire()
                client.sendall(len(wire).to_bytes(2, "big") + wire)
                stream = client.makefile("rb")
                check(query, stream.read(int.from_bytes(stream.read(2), "big")))
                sent["tcp"] += 1

    def check(query, wire):
        reply = dns.message.from_wire(wire)
        if not query.is_response(reply) or not reply.answer:
            wrong.append(reply)

    def guarded(client):
        try:
            client()
        except Exception as error:  # pylint: disable=broad-except
            wrong.append(error)

    clients = [threading.Thread(target=guarded, args=(each,)) for each in (udp, tcp)]
    for client in clients:
        client.start()
    try:
        for number in range(1, 51):
            running.configure(more=f'\n[[record]]\nname = "r.mesh"\ntype = "A"\nvalue = "10.0.0.{number}"\n')
            running.process.send_signal(signal.SIGHUP)
            wait_until(lambda: running.status()["reload"]["count"] == number, f"reload {number}")
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert not wrong
    assert sent["udp"] + sent["tcp"] >= total
    assert running.metrics()['meshgate_dns_reloads_total{result="ok"}'] == 50
    assert running.address("r.mesh") == "10.0.0.50"


def broken(text, chance):
    """The text after some strokes of a careless hand."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(text))
        stroke = chance.randrange(4)
        if stroke == 0:
            text = text[:at] + text[at + chance.randrange(1, 20):]
        elif stroke == 1:
            text = text[:at] + chance.choice("[]={}\"'\n#,.x0-\x00\x7fü") + text[at:]
        elif stroke == 2:
            text = text[:at] + text[at:at + 30] + text[at:]
        else:
            text = text[:at]
    return text


def test_many_broken_configurations_are_refused_and_the_old_one_serves(running):
    """Whatever `check` refuses, a reload does, with the line and the column; and nothing changes."""
    whole = running.config.read_text()
    chance = random.Random(20261123)
    refused = 0
    while refused < BROKEN:
        running.write(broken(whole, chance))
        checked = running.run("check")
        if checked.returncode == 0:
            continue
        assert checked.returncode == 65, checked.stderr
        refused += 1
        running.process.send_signal(signal.SIGHUP)  # the verb would look for the admin socket in it
        wait_until(lambda: running.status()["reload"]["count"] == refused, "reload")
        report = running.status()["reload"]
        assert not report["ok"] and re.match(r".*meshgate\.toml:\d+:\d+: ", report["error"]), report
        assert running.address(NAME) == "240.0.0.0"
    running.write(whole)
    running.reload()
    assert running.address(NAME) == "240.0.0.0"
    values = running.metrics()
    assert values['meshgate_dns_reloads_total{result="failed"}'] == BROKEN
    assert values["meshgate_dns_config_last_reload_successful"] == 1
