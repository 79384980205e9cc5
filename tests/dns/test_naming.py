"""Kuma's naming from the configuration: what is answered, and what is not."""

import json

import dns.rcode
import pytest

KUMA = """
[mesh]
zone = "east"
[[service]]
name = "web"
kind = "MeshService"
port = [80, 8080]
endpoints = ["192.0.2.1:80"]
[[service]]
name = "web"
kind = "MeshService"
zone = "west"
endpoints = ["192.0.2.1:80"]
[[service]]
name = "all"
kind = "MeshMultiZoneService"
[[service]]
name = "back"
endpoints = ["192.0.2.1:80"]
tags = { version = "v1" }
[[external_service]]
name = "bin"
endpoint = "bin.example.org:443"
[[virtual_outbound]]
name = "by-version"
selectors = [ { "kuma.io/service" = "*", version = "*" } ]
host = "{{.service}}.{{.v}}.corp.example"
port = 80
parameters = { service = "kuma.io/service", v = "version" }
"""


@pytest.fixture
def started(server, upstream):
    """Starts a server with these sections and one upstream."""

    def start(sections):
        server.upstreams = [upstream.endpoint]
        server.configure(services=(), more=sections)
        return server.start()

    return start


def rcode(server, name):
    return dns.rcode.to_text(server.ask(name).rcode())


def test_each_kind_of_name_has_its_address(started):
    server = started(KUMA)
    for name, address in {"back.mesh": "240.0.0.0", "bin.mesh": "240.0.0.1",
                          "BIN.example.org": "240.0.0.2", "back.v1.corp.example": "240.0.0.3",
                          "web.svc.mesh.local": "241.0.0.0", "web.svc.west.mesh.local": "241.0.0.1",
                          "all.mzsvc.mesh.local": "243.0.0.0"}.items():
        reply = server.ask(name)
        assert reply.answer and reply.answer[0][0].to_text() == address, name
        assert reply.answer[0].ttl == 30
        assert server.ask(name, "AAAA").answer[0][0].to_text() == f"::ffff:{address}", name
    assert rcode(server, "web.svc.north.mesh.local") == "NXDOMAIN"
    assert rcode(server, "svc.mesh.local") == "NOERROR"  # what lies between exists as well
    assert not server.ask("svc.mesh.local").answer
    pointer = server.ask("0.0.0.241.in-addr.arpa", "PTR")
    assert pointer.answer[0][0].to_text() == "web.svc.mesh.local."
    # Names beside those of the mesh are others' still.
    assert server.address("www.example.org") == "192.0.2.55"
    assert server.address("other.corp.example") == "192.0.2.55"


def test_names_say_what_they_are_of(server):
    server.configure(services=(), more=KUMA)
    rows = json.loads(server.run("names", "--json").stdout)
    sources = {row["name"]: row["source"] for row in rows}
    assert sources["web.svc.mesh.local"] == "MeshService"
    assert sources["all.mzsvc.mesh.local"] == "MeshMultiZoneService"
    assert sources["back.mesh"] == "service"
    assert sources["bin.example.org"] == sources["bin.mesh"] == "external_service"
    assert sources["back.v1.corp.example"] == "virtual_outbound"


def test_what_cannot_be_reached_is_not_answered(started):
    reachable = ('[reachable]\nservices = ["back"]\n'
                 'backends = { refs = [ { kind = "MeshService", name = "web", '
                 'labels = {} } ] }\n')
    server = started(KUMA + reachable)
    assert server.address("back.mesh") == "240.0.0.0"
    assert server.address("web.svc.mesh.local") == "241.0.0.0"
    assert rcode(server, "bin.mesh") == rcode(server, "all.mzsvc.mesh.local") == "NXDOMAIN"
    assert server.address("bin.example.org") == "192.0.2.55"
    server.configure(services=(), more=KUMA)
    server.reload()
    assert server.address("bin.mesh") == "240.0.0.1"  # it was its address all the time


def test_a_template_that_is_none_changes_nothing(server):
    server.configure(services=(), more=KUMA)
    server.start()
    server.edit("{{.v}}", "{{.v}")
    done = server.run("reload")
    assert done.returncode == 1
    assert "virtual_outbound 'by-version': host: 1:18: '}' cannot stand here" in done.stderr
    assert server.address("back.v1.corp.example") == "240.0.0.3"
    assert server.run("check").returncode == 65


def test_a_name_that_two_would_have_is_told(server):
    more = ('[[service]]\nname = "w"\nkind = "MeshService"\nendpoints = ["192.0.2.1:80"]\n'
            'labels = { "kuma.io/display-name" = "web" }\n')
    server.configure(services=(), more=KUMA + more)
    said = "MeshService 'w' does not get the name 'web.svc.mesh.local': it belongs to MeshService 'web'"
    assert said in server.run("names").stderr
    server.start()
    assert said in server.output()
