"""A folder of Kuma's resources: its names, and that it is followed."""

import os

import dns.rcode
import pytest
from server import wait_until

DATAPLANE = """type: Dataplane
mesh: default
name: {name}
networking:
  address: 192.0.2.1
  inbound:
  - port: 8080
    tags:
      kuma.io/service: {name}
      version: v1
"""
OUTBOUND = """---
type: VirtualOutbound
mesh: default
name: by-version
selectors: [ { match: { kuma.io/service: "*", version: "*" } } ]
conf:
  host: "{{.service}}.{{.v}}.mesh"
  port: "80"
  parameters: [ { name: service, tagKey: kuma.io/service }, { name: v, tagKey: version } ]
"""
MESH_SERVICE = """apiVersion: kuma.io/v1alpha1
kind: MeshService
metadata: {{ name: {name}, namespace: shop, labels: {{ kuma.io/zone: west }} }}
spec: {{ ports: [ {{ port: 80 }} ] }}
status: {{ vips: [ {{ ip: {vip} }} ] }}
"""


@pytest.fixture
def resources(folder):
    path = folder / "resources"
    path.mkdir(mode=0o755)
    return path


@pytest.fixture
def configured(server, resources):
    server.configure(services=(), more=f'[mesh]\nresources = "{resources}"\ndataplane = ""\n')
    return server


def is_there(server, name):
    return server.ask(name).rcode() == dns.rcode.NOERROR


def write(path, text):
    """In one step, as who provisions a machine does."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(0o644)
    new.rename(path)


def test_names_of_the_folder_are_answered(configured, resources):
    write(resources / "a.yaml", DATAPLANE.format(name="web") + OUTBOUND)
    write(resources / "b.yaml", MESH_SERVICE.format(name="pay", vip="241.0.0.7"))
    configured.start()
    assert configured.address("web.mesh") == "240.0.0.0"
    assert configured.address("web.v1.mesh") == "240.0.0.1"
    assert configured.address("pay.shop.svc.west.mesh.local") == "241.0.0.7"


def test_the_folder_is_followed(configured, resources):
    write(resources / "a.yaml", DATAPLANE.format(name="web"))
    configured.start()
    write(resources / "b.yaml", DATAPLANE.format(name="api") + OUTBOUND)
    wait_until(lambda: is_there(configured, "api.v1.mesh"), "a new file")
    (resources / "a.yaml").unlink()
    wait_until(lambda: not is_there(configured, "web.mesh"), "a file that went")
    assert configured.address("api.mesh") == "240.0.0.1"
    with (resources / "b.yaml").open("a") as end:
        end.write("---\n" + DATAPLANE.format(name="more"))
    wait_until(lambda: is_there(configured, "more.mesh"), "a file that was written to")


def test_a_folder_that_is_a_symlink_is_followed_when_it_is_pointed_elsewhere(server, folder):
    for number in "12":
        (folder / number).mkdir(mode=0o755)
        write(folder / number / "a.yaml", DATAPLANE.format(name=f"web{number}"))
    link = folder / "current"
    link.symlink_to("1")
    server.configure(services=(), more=f'[mesh]\nresources = "{link}"\n')
    server.start()
    assert is_there(server, "web1.mesh")
    os.symlink("2", folder / "next")
    os.rename(folder / "next", link)
    wait_until(lambda: is_there(server, "web2.mesh"), "the other folder")
    assert not is_there(server, "web1.mesh")


def test_a_bad_file_changes_nothing_and_a_good_one_ends_that(configured, resources):
    write(resources / "a.yaml", DATAPLANE.format(name="web"))
    configured.start()
    write(resources / "a.yaml", DATAPLANE.format(name="web").replace("8080", "0"))
    told = (f"reload: {resources}/a.yaml:7:11: document 1 (Dataplane 'web'): "
            "networking.inbound[0].port: port must be in the range [1, 65535]")
    wait_until(lambda: told in configured.output(), "the error")
    assert is_there(configured, "web.mesh")
    assert configured.status()["reload"]["ok"] is False
    done = configured.run("check")
    assert done.returncode == 65 and "networking.inbound[0].port" in done.stderr
    write(resources / "a.yaml", DATAPLANE.format(name="better"))
    wait_until(lambda: is_there(configured, "better.mesh"), "the good file")
    assert configured.status()["reload"]["ok"] is True


def test_a_folder_that_goes_and_comes_back(configured, resources, folder):
    write(resources / "a.yaml", DATAPLANE.format(name="web"))
    configured.start()
    resources.rename(folder / "away")
    wait_until(lambda: f"{resources}: No such file" in configured.output(), "the error")
    assert is_there(configured, "web.mesh")
    write(folder / "away" / "a.yaml", DATAPLANE.format(name="api"))
    (folder / "away").rename(resources)
    wait_until(lambda: is_there(configured, "api.mesh"), "the folder again")
