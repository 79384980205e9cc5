"""Kuma's feed as a real Envoy serves it: a direct response on its unix socket, with an ETag and a
route that answers 304, as the control plane configures both."""

import hashlib
import json
import os

import envoy as envoy_module
import lab
import mesh as m
import pytest

FEED_VIP = "240.0.0.0"  # Kuma's first


def document(count=0):
    """Names for the one service of the mesh, in the two families of names, and `count` others."""
    records = [{"name": "demo.mesh", "ips": [FEED_VIP, "::ffff:f000:0"]},
               {"name": "demo.svc.mesh.local", "ips": [FEED_VIP, "::ffff:f000:0"]}]
    records += [{"name": f"name-{number}.mesh", "ips": [f"240.1.{number >> 8}.{number & 255}"]}
                for number in range(count)]
    return json.dumps({"records": records, "ttl": 30, "extraLabels": {"mesh": "default"}},
                      separators=(",", ":"))


def route(body, etag, unchanged):
    """One of Kuma's two: for who has this ETag, and for the others."""
    match = {"path": "/dns"}
    if unchanged:
        match["headers"] = [{"name": "If-None-Match", "string_match": {"exact": etag}}]
    return {"match": match,
            "direct_response": {"status": 304} if unchanged else
            {"status": 200, "body": {"inline_string": body}},
            "response_headers_to_add": [{"header": {"key": "ETag", "value": etag}}]}


def listener(path, body):
    etag = hashlib.sha256(body.encode()).hexdigest()
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network."
                 "http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "feed",
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        "route_config": {
            "max_direct_response_body_size_bytes": len(body),
            "virtual_hosts": [{"name": "feed", "domains": ["*"], "routes": [
                route(body, etag, True), route(body, etag, False)]}]},
    }
    return {"name": "_kuma:dynamicconfig", "address": {"pipe": {"path": str(path), "mode": 0o755}},
            "filter_chains": [{"filters": [
                {"name": "envoy.filters.network.http_connection_manager",
                 "typed_config": manager}]}]}


@pytest.fixture
def fed(new_mesh, monkeypatch):
    """A VM whose names come from its Envoy; Envoy is not started yet."""
    mesh = new_mesh()
    mesh.build_network()
    sockets = mesh.folder / "sockets"
    sockets.mkdir()
    os.chown(sockets, m.PROXY_UID, m.PROXY_UID)
    mesh.socket = sockets / "kuma-mesh-metric-config.sock"
    mesh.document = document()
    plain = envoy_module.configuration

    def with_feed(services):
        made = plain(services + [("demo", FEED_VIP, 80, m.SERVICE_ADDRESS, m.SERVICE_PORT)])
        made["static_resources"]["listeners"].append(listener(mesh.socket, mesh.document))
        return made

    monkeypatch.setattr(envoy_module, "configuration", with_feed)
    mesh.write_config(f'[feed.kuma]\nsocket = "{mesh.socket}"\n')
    return mesh


def addresses(mesh, name, kind="A"):
    return mesh.dig(name, kind, "+short").split()


def start_without_names(mesh):
    mesh.dns = mesh.vm.start(mesh.program("meshgate-dns"), "serve", "--config", mesh.config)
    mesh.dns.wait_ready(lambda: "feed kuma" in mesh.http("/readyz"), "meshgate-dns")


def test_names_and_traffic_come_from_the_proxy_that_starts_later(fed):
    start_without_names(fed)
    fed.install()
    fed.start_envoy()
    lab.wait_until(lambda: fed.http("/readyz").strip() == "ready", "the names")
    for name in ("demo.mesh", "DEMO.svc.mesh.local"):
        assert addresses(fed, name) == [FEED_VIP]
        assert addresses(fed, name, "AAAA") == [f"::ffff:{FEED_VIP}"]
        with fed.counting() as rise:
            done = fed.curl(f"http://{name}/")
        assert done.returncode == 0, done.stderr
        assert rise["demo"] == 1
    lab.wait_until(lambda: fed.metric('meshgate_dns_feed_looks_total{feed="kuma",result="unchanged"}'),
                   "a 304 of Envoy")
    assert fed.metric('meshgate_dns_feed_looks_total{feed="kuma",result="failed"}') > 0
    assert fed.metric('meshgate_dns_feed_looks_total{feed="kuma",result="changed"}') == 1


def test_a_proxy_that_restarts_takes_no_name_along_and_brings_its_new_ones(fed):
    fed.start_envoy()
    fed.start_dns()
    fed.envoy.stop()
    lab.wait_until(lambda: not fed.metric('meshgate_dns_feed_up{feed="kuma"}'), "the loss")
    assert fed.dns_verb("query", "demo.mesh").stdout.strip() == FEED_VIP
    fed.document = document(5000)  # some 270 kB: Envoy's bound for a direct response is raised
    fed.start_envoy()
    lab.wait_until(lambda: fed.dns_verb("query", "name-4999.mesh").returncode == 0, "the new names")
    assert fed.dns_verb("query", "demo.mesh").returncode == 0
    assert fed.metric('meshgate_dns_feed_names{feed="kuma"}') == 5002
