"""An application that knows nothing of the mesh reaches backend.mesh through a real proxy."""

import lab
import mesh as m


def test_a_mesh_name_reaches_the_remote_service_through_the_named_cluster(meshes, routed):
    mesh = meshes(default_route=routed) if not routed else meshes()
    with mesh.counting() as rise:
        reply = mesh.curl("http://backend.mesh/")
    assert reply.stdout.startswith(f"name=remote port={m.SERVICE_PORT} "), reply.stderr
    assert rise["backend"] >= 1
    assert rise["outbound_ipv4"] == rise["outbound_ipv6"] == 0


def test_the_other_mesh_domain_reaches_it_too(mesh):
    assert mesh.curl("http://backend.mesh.local/").stdout.startswith("name=remote ")


def test_with_envoy_stopped_the_same_request_fails(new_mesh):
    mesh = new_mesh().start()
    assert mesh.curl("http://backend.mesh/").returncode == 0
    mesh.envoy.stop()
    assert mesh.curl("http://backend.mesh/").returncode == 7  # connection refused
    mesh.start_envoy()
    assert mesh.curl("http://backend.mesh/").returncode == 0


def test_with_the_capture_removed_the_same_request_fails(new_mesh):
    mesh = new_mesh().start()
    assert mesh.curl("http://backend.mesh/").returncode == 0
    mesh.uninstall()
    assert mesh.curl("http://backend.mesh/").returncode == 6  # the name is unknown outside
    mesh.install()
    assert mesh.curl("http://backend.mesh/").returncode == 0


def test_an_outside_name_resolves_through_the_forwarder_and_its_traffic_passes_through(mesh):
    asked = mesh.metric("meshgate_dns_upstream_requests_total")
    with mesh.counting() as rise:
        reply = mesh.curl(f"http://www.outside.example:{m.SERVICE_PORT}/", "--ipv4")
    assert reply.stdout.startswith("name=remote "), reply.stderr
    assert mesh.metric("meshgate_dns_upstream_requests_total") > asked
    assert rise["outbound_ipv4"] >= 1 and rise["backend"] == 0


def test_a_request_from_outside_passes_15006_on_its_way_to_the_vms_service(mesh):
    with mesh.counting() as rise:
        reply = mesh.curl(f"http://{m.VM_ADDRESS}:8080/", namespace=mesh.remote)
    assert reply.stdout == "name=vm port=8080 peer=::ffff:127.0.0.6\n", reply.stderr
    assert rise["inbound_ipv4"] == 1


def test_a_request_from_outside_to_the_excluded_port_22_does_not(mesh):
    with mesh.counting() as rise:
        reply = mesh.curl(f"http://{m.VM_ADDRESS}:22/", namespace=mesh.remote)
    assert reply.stdout == f"name=vm port=22 peer=::ffff:{m.SERVICE_ADDRESS}\n", reply.stderr
    assert not any(rise.values())


def test_an_excluded_outbound_port_goes_straight(mesh):
    with mesh.counting() as rise:
        reply = mesh.curl(f"http://{m.SERVICE_ADDRESS}:{m.STRAIGHT_PORT}/")
    assert reply.stdout.startswith(f"name=remote port={m.STRAIGHT_PORT} "), reply.stderr
    assert not any(rise.values())


def test_the_proxys_own_dns_and_tcp_leave_the_vm_unchanged(mesh):
    asked = mesh.metric("meshgate_dns_queries_total")
    with mesh.counting() as rise, \
            mesh.vm.capture(m.OUTSIDE_LINK, "src port 15053") as from_15053, \
            mesh.vm.capture(m.OUTSIDE_LINK, f"dst host {m.DNS_ADDRESS} and dst port 53") as asking:
        for transport in ("+notcp", "+tcp"):
            reply = mesh.dig("www.outside.example", "A", transport, uid=m.PROXY_UID)
            assert f"\t{m.SERVICE_ADDRESS}\n" in reply
        reply = mesh.curl(f"http://{m.SERVICE_ADDRESS}:{m.SERVICE_PORT}/", uid=m.PROXY_UID)
        assert reply.stdout.startswith("name=remote "), reply.stderr
    assert from_15053.count() == 0, from_15053.packets
    assert any("UDP" in packet for packet in asking.packets)
    assert any("tcp" in packet for packet in asking.packets)
    assert mesh.metric("meshgate_dns_queries_total") == asked
    assert not any(rise.values())


def test_two_kinds_of_client_never_see_a_packet_of_15053_on_the_wire(mesh):
    """The resolver's forwarded questions and the applications' captured ones, at once."""
    with mesh.vm.capture("any", f"port 15053 and not host 127.0.0.1 and not host ::1"
                                f" and not src host {m.DNS_ADDRESS}") as leaked:
        clients = [mesh.client("udp", m.DNS_ADDRESS, 200, name)
                   for name in ("backend.mesh", "www.outside.example")]
        for client in clients:
            assert client.wait(60) == 0
    on_links = [packet for packet in leaked.packets
                if f" {m.OUTSIDE_LINK} " in packet or f" {m.SERVICE_LINK} " in packet]
    assert not on_links
    for client, answer in zip(clients, (m.VIP, m.SERVICE_ADDRESS)):
        assert lab.json.loads(client.output()) == {f"NOERROR {answer}": 200}
