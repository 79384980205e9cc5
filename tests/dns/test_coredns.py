"""meshgate-dns in the place of coredns beside a kuma-dp."""

import os
import re
import socket
import subprocess

import coredns
import dns.flags
import dns.rcode
import pytest
import server as s
from conftest import needs_root

CODES = "NOTIMP,FORMERR,NXDOMAIN,SERVFAIL,REFUSED"  # of Kuma since 1.4
HOST_ADDRESS = "192.0.2.99"


@pytest.fixture
def program(folder):
    """Found under its other name, as kuma-dp finds it."""
    link = folder / "coredns"
    link.symlink_to(s.PROGRAM)
    return link


@pytest.fixture
def kuma_dp(folder, program):
    made = coredns.KumaDp(folder, program)
    yield made
    made.close()


@pytest.fixture
def envoy():
    """In the place of Envoy's DNS filter."""
    made = coredns.AnswerAs("240.0.0.7")
    yield made
    made.close()


@pytest.fixture
def host_server():
    """In the place of the servers of resolv.conf."""
    made = s.FakeUpstream(HOST_ADDRESS)
    yield made
    made.close()


def corefile(port, envoy, host_server, metrics=None, codes=CODES, more="", second=""):
    lines = [f".:{port} {{", f"    forward . {envoy.endpoint}", "    # what Envoy does not know",
             f"    alternate {codes} . {host_server.endpoint}"]
    if metrics:
        lines.append(f"    prometheus localhost:{metrics}")
    return "\n".join([*lines, "    errors", more, "}", second, ""])


def test_kuma_dp_finds_its_version(kuma_dp):
    assert re.fullmatch(r"\d+\.\d+\.\d+(\+[0-9A-Za-z.-]+)?", kuma_dp.version())
    # Also when --dns-coredns-path names it as it is.
    assert coredns.KumaDp(kuma_dp.folder, s.PROGRAM).version() == kuma_dp.version()


@pytest.mark.parametrize("codes, empty_block", [("NXDOMAIN,SERVFAIL,REFUSED", True), (CODES, True),
                                                (CODES, False)])
def test_the_corefiles_of_kuma(kuma_dp, envoy, host_server, codes, empty_block):
    port, empty, metrics = s.free_port(), s.free_port(), s.free_port()
    second = f".:{empty} {{\n    template ANY ANY . {{\n      rcode NXDOMAIN\n    }}\n}}\n"
    kuma_dp.write(corefile(port, envoy, host_server, metrics, codes, "    log\n",
                           second if empty_block else ""))
    kuma_dp.start()
    for host in ("127.0.0.1", "::1"):
        for tcp in (False, True):
            reply = coredns.ask(port, "backend.mesh", host=host, tcp=tcp)
            assert reply.answer[0][0].to_text() == envoy.address
    for number, code in enumerate(["nxdomain", "servfail", "refused", "notimp", "formerr"]):
        reply = coredns.ask(port, f"{code}-{number}.example")
        if code.upper() in codes:
            assert reply.answer[0][0].to_text() == HOST_ADDRESS, code
        else:
            assert reply.rcode() == dns.rcode.from_text(code.upper())
    # Nothing of the type is the last word: the name is the mesh's.
    asked = len(host_server.questions)
    reply = coredns.ask(port, "nodata-1.mesh")
    assert reply.rcode() == dns.rcode.NOERROR and not reply.answer
    assert len(host_server.questions) == asked
    if empty_block:
        reply = coredns.ask(empty, "backend.mesh", "TXT")
        assert reply.rcode() == dns.rcode.NXDOMAIN and reply.flags & dns.flags.AA
    status, text = coredns.get(metrics, "/metrics")
    assert status == 200
    assert f'coredns_dns_requests_total{{family="1",proto="udp",server="dns://:{port}",type="A",view="",zone="."}}' in text
    assert 'coredns_dns_responses_total{plugin="forward",rcode="NOERROR"' in text
    line = re.compile(r'^\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN backend\.mesh\. udp \d+ false \d+" '
                      r"NOERROR qr,rd,ra \d+ \d\.\d{9}s$", re.M)
    s.wait_until(lambda: line.search(kuma_dp.output()), "log line")
    assert kuma_dp.stop() == 0


def test_a_dead_envoy_leaves_the_hosts_names(kuma_dp, envoy, host_server):
    port = s.free_port()
    kuma_dp.write(corefile(port, envoy, host_server))
    envoy.close()
    kuma_dp.start()
    assert coredns.ask(port, "www.example").answer[0][0].to_text() == HOST_ADDRESS


def test_without_anybody_it_is_servfail_and_said(kuma_dp, envoy, host_server):
    port = s.free_port()
    kuma_dp.write(corefile(port, envoy, host_server))
    envoy.close()
    host_server.close()
    kuma_dp.start()
    assert coredns.ask(port, "www.example").rcode() == dns.rcode.SERVFAIL
    s.wait_until(lambda: "[ERROR] plugin/errors: 2 www.example. A: " in kuma_dp.output(), "error line")


def test_no_aaaa_for_hosts_without_ipv6(kuma_dp, envoy, host_server):
    port = s.free_port()
    kuma_dp.write(corefile(port, envoy, host_server,
                           more="    template IN AAAA . {\n rcode NOERROR\n fallthrough\n }"))
    kuma_dp.start()
    reply = coredns.ask(port, "www.example", "AAAA")
    assert reply.rcode() == dns.rcode.NOERROR and not reply.answer
    assert not envoy.questions
    assert coredns.ask(port, "www.example").answer


@pytest.mark.parametrize("bad, message", [
    ("kubernetes cluster.local", "[[service]]"),
    ("forwrad . 192.0.2.1", "did you mean 'forward'"),
    ("template IN NOPE . {\n rcode NXDOMAIN\n}", "'NOPE' is no type"),
    ("forward . tls://192.0.2.1", "dns.upstreams"),
    ("errors {", "is not closed"),
])
def test_bad_input_is_refused_at_the_start_and_changes_nothing_later(kuma_dp, envoy, host_server, bad,
                                                                     message):
    port = s.free_port()
    broken = f".:{port} {{\n{bad}\n}}\n"
    kuma_dp.write(broken)
    done = subprocess.run([kuma_dp.program, "-conf", kuma_dp.corefile], capture_output=True, text=True,
                          timeout=s.PATIENCE)
    assert done.returncode == 65
    assert re.search(re.escape(str(kuma_dp.corefile)) + r":[1-4]:\d+: ", done.stderr)
    assert message in done.stderr
    kuma_dp.write(corefile(port, envoy, host_server))
    kuma_dp.start()
    kuma_dp.write(broken)
    said = kuma_dp.reload()
    assert message in said and "the old Corefile stays" in said
    assert coredns.ask(port, "backend.mesh").answer[0][0].to_text() == envoy.address
    kuma_dp.corefile.unlink()
    assert "reload failed" in kuma_dp.reload()
    assert kuma_dp.process.poll() is None


def test_a_reload_adds_and_removes_ports_without_a_lost_query(kuma_dp, envoy, host_server):
    ports = [s.free_port() for _ in range(3)]
    kuma_dp.write(corefile(ports[0], envoy, host_server))
    kuma_dp.start()
    kuma_dp.write(corefile(ports[0], envoy, host_server, second="".join(
        f".:{port} {{\n forward . {host_server.endpoint}\n}}\n" for port in ports[1:])))
    assert "reloaded " in kuma_dp.reload()
    assert coredns.ask(ports[0], "a.example").answer[0][0].to_text() == envoy.address
    assert coredns.ask(ports[1], "a.example").answer[0][0].to_text() == HOST_ADDRESS
    kuma_dp.write(f".:{ports[2]} {{\n forward . {envoy.endpoint}\n}}\n")
    assert "reloaded " in kuma_dp.reload()
    assert coredns.ask(ports[2], "b.example").answer[0][0].to_text() == envoy.address

    def is_free(port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
            return True
    s.wait_until(lambda: all(is_free(port) for port in ports[:2]), "the old ports to be free")


def test_a_port_that_is_taken_leaves_all_as_it_is(kuma_dp, envoy, host_server):
    port = s.free_port()
    kuma_dp.write(corefile(port, envoy, host_server))
    kuma_dp.start()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        other = taken.getsockname()[1]
        kuma_dp.write(f".:{port} {{\n forward . {host_server.endpoint}\n}}\n"
                      f".:{other} {{\n bind 127.0.0.1\n forward . {host_server.endpoint}\n}}\n")
        said = kuma_dp.reload()
    assert "Address already in use" in said and "the old Corefile stays" in said
    assert coredns.ask(port, "a.example").answer[0][0].to_text() == envoy.address


def test_the_corefile_is_followed_when_it_says_so(kuma_dp, envoy, host_server):
    port = s.free_port()
    text = corefile(port, envoy, host_server, more="    reload 2s 1s")
    kuma_dp.write(text)
    kuma_dp.start()
    kuma_dp.write(text.replace(envoy.endpoint, host_server.endpoint))
    s.wait_until(lambda: "reloaded " in kuma_dp.output(), "reload")
    assert coredns.ask(port, "a.example").answer[0][0].to_text() == HOST_ADDRESS


def test_hosts_stand_before_forward(kuma_dp, folder, envoy, host_server):
    port = s.free_port()
    hosts = folder / "hosts"
    hosts.write_text("192.0.2.8 db.corp.example db # the database\n2001:db8::8\tdb.corp.example\n"
                     "nonsense line\n")
    kuma_dp.write(corefile(port, envoy, host_server, more=f"""
    hosts {hosts} {{
        192.0.2.9 inline.corp.example
        ttl 77
        fallthrough
    }}"""))
    kuma_dp.start()
    reply = coredns.ask(port, "DB.corp.example")
    assert reply.answer[0][0].to_text() == "192.0.2.8" and reply.answer[0].ttl == 77
    assert coredns.ask(port, "db.corp.example", "AAAA").answer[0][0].to_text() == "2001:db8::8"
    assert coredns.ask(port, "8.2.0.192.in-addr.arpa", "PTR").answer[0][0].to_text() == "db.corp.example."
    assert coredns.ask(port, "inline.corp.example").answer[0][0].to_text() == "192.0.2.9"
    reply = coredns.ask(port, "db.corp.example", "TXT")
    assert reply.rcode() == dns.rcode.NOERROR and not reply.answer
    assert coredns.ask(port, "other.example").answer[0][0].to_text() == envoy.address
    # The file is followed.
    hosts.write_text("192.0.2.88 db.corp.example\n")
    s.wait_until(lambda: coredns.ask(port, "db.corp.example").answer[0][0].to_text() == "192.0.2.88",
                 "the file's new line")


def test_hosts_keep_what_they_do_not_let_through(kuma_dp, folder, envoy, host_server):
    port = s.free_port()
    (folder / "hosts").write_text("192.0.2.8 db.corp.example\n")
    kuma_dp.write(corefile(port, envoy, host_server, more=f"    hosts {folder}/hosts corp.example"))
    kuma_dp.start()
    assert coredns.ask(port, "db.corp.example").answer
    assert coredns.ask(port, "other.corp.example").rcode() == dns.rcode.SERVFAIL
    assert not envoy.questions
    assert coredns.ask(port, "www.example").answer[0][0].to_text() == envoy.address


def test_cache_keeps_answers_no_longer_than_it_says(kuma_dp, envoy, host_server):
    port = s.free_port()
    kuma_dp.write(corefile(port, envoy, host_server, more="    cache 5"))
    kuma_dp.start()
    ttls = [coredns.ask(port, "www.example").answer[0].ttl for _ in range(40)]
    # Each worker asks for itself, and what it hears first it passes on as it is.
    assert len(envoy.questions) == ttls.count(60) <= len(os.sched_getaffinity(0))
    assert all(ttl <= 5 for ttl in ttls if ttl != 60)
    # And without the directive nothing is kept, as Kuma's files have none.
    kuma_dp.write(corefile(port, envoy, host_server))
    kuma_dp.reload()
    asked = len(envoy.questions)
    for _ in range(8):
        coredns.ask(port, "www.example")
    assert len(envoy.questions) == asked + 8


def test_zones_are_blocks_of_their_own(kuma_dp, envoy, host_server):
    port = s.free_port()
    kuma_dp.write(f"corp.example:{port} {{\n forward . {host_server.endpoint} {{\n"
                  f"  except no.corp.example\n }}\n}}\nmesh:{port} {{\n forward . {envoy.endpoint}\n}}\n")
    kuma_dp.start()
    assert coredns.ask(port, "a.corp.example").answer[0][0].to_text() == HOST_ADDRESS
    assert coredns.ask(port, "a.MESH").answer[0][0].to_text() == envoy.address
    assert coredns.ask(port, "www.example").rcode() == dns.rcode.REFUSED
    assert coredns.ask(port, "a.no.corp.example").rcode() == dns.rcode.SERVFAIL


def test_bind_health_and_ready(kuma_dp, envoy, host_server):
    port, health, ready = s.free_port(), s.free_port(), s.free_port()
    kuma_dp.write(corefile(port, envoy, host_server, more=f"    bind 127.0.0.1\n    health localhost:"
                           f"{health}\n    ready localhost:{ready}"))
    kuma_dp.start()
    assert coredns.ask(port, "www.example").answer
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::1", port))  # nobody is there
    assert coredns.get(health, "/health") == (200, "OK")
    assert coredns.get(ready, "/ready") == (200, "OK")
    assert coredns.get(ready, "/health")[0] == 404


@needs_root
def test_the_hosts_servers_are_those_of_resolv_conf(kuma_dp, folder, envoy):
    """Which are at port 53, and followed."""
    resolv_conf = folder / "resolv.conf"

    class AtPort53(s.FakeUpstream):
        def __init__(self, host, address):
            self.address, self.questions, self.spellings, self.closed = address, [], [], False
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((host, 53))
            self.tcp = socket.create_server((host, 53))
            for serve in (self.serve_udp, self.serve_tcp):
                s.threading.Thread(target=serve, daemon=True).start()

    port = s.free_port()
    first, second = AtPort53("127.0.83.1", "192.0.2.1"), AtPort53("127.0.83.2", "192.0.2.2")
    try:
        resolv_conf.write_text("nameserver 127.0.83.1\n")
        kuma_dp.write(f".:{port} {{\n forward . {envoy.endpoint}\n alternate {CODES} . {resolv_conf}\n}}\n")
        kuma_dp.start()
        assert coredns.ask(port, "nxdomain-1.example").answer[0][0].to_text() == "192.0.2.1"
        resolv_conf.write_text("nameserver 127.0.83.2\n")
        s.wait_until(lambda: coredns.ask(port, "nxdomain-2.example").answer[0][0].to_text() == "192.0.2.2",
                     "the other server")
    finally:
        first.close()
        second.close()


def test_flags_that_are_wrong(program):
    for arguments, message in ([["-cnf", "x"], "unknown flag '-cnf'"], [["-conf"], "needs a value"],
                               [["-dns.port", "0"], "no port"], [["serve"], "no argument 'serve'"]):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=s.PATIENCE)
        assert done.returncode == 2, done
        assert message in done.stderr
    done = subprocess.run([program, "-conf", "/nonexistent/Corefile"], capture_output=True, text=True,
                          timeout=s.PATIENCE)
    assert done.returncode == 65 and "/nonexistent/Corefile" in done.stderr


def test_port_flag_environment_pidfile_and_greeting(kuma_dp, folder, envoy):
    port = s.free_port()
    kuma_dp.write(".\nforward . {$MESHGATE_TEST_ENVOY}\nbind 127.0.0.1\n")
    log = folder / "greeting"
    with open(log, "wb") as out:
        kuma_dp.process = subprocess.Popen(
            [kuma_dp.program, "-conf", kuma_dp.corefile, "-dns.port", str(port), "-pidfile",
             folder / "pid"], stdout=out, stderr=subprocess.DEVNULL,
            env={**os.environ, "MESHGATE_TEST_ENVOY": envoy.endpoint})
    s.wait_until(lambda: "CoreDNS-" in log.read_text(), "greeting")
    assert log.read_text().splitlines()[0] == f"127.0.0.1:{port}"
    assert int((folder / "pid").read_text()) == kuma_dp.process.pid
    assert coredns.ask(port, "www.example").answer[0][0].to_text() == envoy.address
