"""The admin endpoint: paths, shapes, bounds."""

import json
import re
import socket

import pytest
from server import free_port, wait_until

STATUS_KEYS = ["schema", "state", "version", "pid", "uptime_seconds", "names", "reload", "upstreams",
               "feeds"]


def test_health_and_readiness(running):
    assert running.get("/healthz") == (200, "ok")
    assert running.get("/readyz") == (200, "ready")
    assert running.get("/healthz?verbose=1") == (200, "ok")


def test_the_status_has_the_shape_of_the_contract(forwarding, upstream):
    status, body, headers = forwarding.request("GET", "/api/v1/status")
    report = json.loads(body)
    assert status == 200 and headers["content-type"] == "application/json"
    assert list(report) == STATUS_KEYS
    assert report["schema"] == "meshgate-dns.status/1"
    assert report["state"] == "ready"
    assert report["pid"] == forwarding.process.pid
    assert report["uptime_seconds"] > 0
    assert report["names"] > 0
    assert report["reload"] == {"ok": True, "count": 0, "error": ""}
    assert report["upstreams"] == [{"address": upstream.endpoint, "up": True}]
    assert report["feeds"] == []


@pytest.mark.parametrize("method, path, status", [
    ("HEAD", "/healthz", 200), ("POST", "/healthz", 405), ("PUT", "/metrics", 405),
    ("DELETE", "/api/v1/status", 405), ("GET", "/", 404), ("GET", "/api/v1", 404),
    ("GET", "/metrics/", 404), ("HEAD", "/nothing", 404),
])
def test_other_methods_are_405_and_unknown_paths_404(running, method, path, status):
    body = b"x" * 100 if method in ("POST", "PUT") else None
    got, text, headers = running.request(method, path, body)
    assert got == status
    if method == "HEAD":
        assert text == ""
    if status == 405:
        assert headers["allow"] == "GET, HEAD"


def parse_exposition(text):
    """The text format read strictly: families in one piece, HELP and TYPE first, legal names."""
    families, samples, family = {}, {}, None
    sample = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*)\})? ([-+0-9.eInf]+)')
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in families
            families[family] = None
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and families[name] is None
            families[name] = kind
        else:
            name, labels, value = sample.fullmatch(line).groups()
            suffixes = ["_bucket", "_sum", "_count"] if families[family] == "histogram" else [""]
            assert name in [family + suffix for suffix in suffixes], line
            assert (name, labels) not in samples
            samples[name, labels] = float(value)
    assert text.endswith("\n")
    return families, samples


def test_the_metrics_are_those_of_the_contract(forwarding, upstream):
    forwarding.ask("backend_default_svc_8080.mesh")
    forwarding.ask("nosuch.mesh", tcp=True, host="::1")
    forwarding.ask("www.outside.example")
    status, text, headers = forwarding.request("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    families, samples = parse_exposition(text)
    assert families == {
        "meshgate_build_info": "gauge",
        "meshgate_dns_queries_total": "counter",
        "meshgate_dns_responses_total": "counter",
        "meshgate_dns_request_duration_seconds": "histogram",
        "meshgate_dns_upstream_requests_total": "counter",
        "meshgate_dns_upstream_failures_total": "counter",
        "meshgate_dns_upstream_up": "gauge",
        "meshgate_dns_upstream_rtt_seconds": "gauge",
        "meshgate_dns_cache_entries": "gauge",
        "meshgate_dns_cache_bytes": "gauge",
        "meshgate_dns_names": "gauge",
        "meshgate_dns_reloads_total": "counter",
        "meshgate_dns_config_last_reload_successful": "gauge",
        "meshgate_dns_loops_total": "counter",
        "meshgate_dns_dropped_total": "counter",
        "meshgate_dns_query_log_lost_total": "counter",
    }
    values = forwarding.metrics()
    assert values['meshgate_dns_queries_total{proto="udp",family="ipv4"}'] == 2
    assert values['meshgate_dns_queries_total{proto="tcp",family="ipv6"}'] == 1
    assert values['meshgate_dns_responses_total{rcode="NOERROR",source="owned"}'] == 1
    assert values['meshgate_dns_responses_total{rcode="NXDOMAIN",source="owned"}'] == 1
    assert values['meshgate_dns_responses_total{rcode="NOERROR",source="upstream"}'] == 1
    assert values[f'meshgate_dns_upstream_requests_total{{upstream="{upstream.endpoint}"}}'] == 1
    assert values[f'meshgate_dns_upstream_up{{upstream="{upstream.endpoint}"}}'] == 1
    assert 0 < values[f'meshgate_dns_upstream_rtt_seconds{{upstream="{upstream.endpoint}"}}'] < 20
    assert values["meshgate_dns_config_last_reload_successful"] == 1
    assert values["meshgate_dns_names"] == forwarding.status()["names"]
    count = samples["meshgate_dns_request_duration_seconds_count", None]
    buckets = [value for (name, _), value in samples.items() if name.endswith("_bucket")]
    assert count == 3 and buckets == sorted(buckets) and buckets[-1] == count


def test_names_from_the_network_never_become_labels(running):
    before = set(running.metrics())
    for number in range(50):
        running.ask(f'x{number}"}}-evil.mesh')
    assert set(running.metrics()) == before


def raw(running, data, keep_open=False):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(running.admin))
    connection.sendall(data)
    if keep_open:
        return connection
    answer = b"".join(iter(lambda: connection.recv(65536), b""))
    connection.close()
    return answer


@pytest.mark.parametrize("data, status", [
    (b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nbroken\r\n\r\n", b"400"),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"431"),
    (b"GET / HTTP/1.1\r\nX: " + b"a" * 20000, b"431"),
])
def test_what_is_no_request_gets_its_status(running, data, status):
    assert raw(running, data).split(b" ")[1] == status
    assert running.get("/healthz") == (200, "ok")


def test_clients_that_say_nothing_are_ended_and_others_served(running):
    idle = [raw(running, b"GET /he", keep_open=True) for _ in range(80)]  # more than are let in
    assert running.get("/healthz") == (200, "ok")  # after the first ones' five seconds
    assert idle[0].recv(1) == b""
    for connection in idle:
        connection.close()


def test_it_can_be_tcp_and_several(server):
    port = free_port()
    server.edit(f'admin = "unix:{server.admin}"',
                f'admin = ["unix:{server.admin}", "127.0.0.1:{port}", "[::1]:{port}"]')
    server.start()
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, port), 20) as connection:
            connection.sendall(b"POST /healthz HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50000)
            assert b" 405 " in connection.recv(4096)
    server.edit(f'"unix:{server.admin}", ', "")
    assert server.run("status").returncode == 0


def test_it_can_be_off(server):
    server.edit(f'admin = "unix:{server.admin}"', 'admin = ""')
    server.start(ready=None)
    wait_until(lambda: "ready" in server.output(), "ready")
    assert not server.admin.exists()
    assert server.address("backend_default_svc_8080.mesh")
    done = server.run("status")
    assert done.returncode == 1 and "off" in done.stderr
    assert server.stop() == 0
