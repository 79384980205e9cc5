"""The main job over IPv6 alone: a native IPv6 VIP, the service's IPv6 address, inbound by ::6."""

import mesh as m
import pytest


@pytest.fixture
def mesh6(meshes, routed):
    return meshes(native_ipv6=True) if routed else meshes(native_ipv6=True, default_route=False)


def test_a_native_ipv6_vip_reaches_the_service_by_ipv6_all_the_way(mesh6):
    with mesh6.counting() as rise, \
            mesh6.vm.capture("lo", "ip6 and tcp dst port 15001") as at_proxy, \
            mesh6.remote.capture("vm0", f"ip6 and tcp dst port {m.SERVICE_PORT}") as at_service:
        reply = mesh6.curl("http://backend.mesh/", "--ipv6")
    assert reply.stdout == f"name=remote port={m.SERVICE_PORT} peer={m.VM_ADDRESS6}\n", reply.stderr
    assert rise["backend_ipv6"] == 1
    assert rise["outbound_ipv4"] == rise["outbound_ipv6"] == rise["backend"] == 0
    assert at_proxy.count() > 0
    assert at_service.count() > 0


def test_the_ipv6_name_server_of_the_vm_is_captured_too(mesh6):
    for transport in ("+notcp", "+tcp"):
        assert f"\t{m.VIP6}\n" in mesh6.dig(f"@{m.DNS_ADDRESS6}", "backend.mesh", "AAAA", transport)


def test_an_ipv6_request_from_outside_passes_15006_and_arrives_from_the_passthrough_address(mesh6):
    with mesh6.counting() as rise:
        reply = mesh6.curl(f"http://[{m.VM_ADDRESS6}]:8080/", namespace=mesh6.remote)
    assert reply.stdout == "name=vm port=8080 peer=::6\n", reply.stderr
    assert rise["inbound_ipv6"] == 1


def test_an_ipv6_request_from_outside_to_port_22_does_not(mesh6):
    with mesh6.counting() as rise:
        reply = mesh6.curl(f"http://[{m.VM_ADDRESS6}]:22/", namespace=mesh6.remote)
    assert reply.stdout == f"name=vm port=22 peer={m.SERVICE_ADDRESS6}\n", reply.stderr
    assert not any(rise.values())


def test_with_ipv6_off_the_main_job_works_over_ipv4_and_a_notice_says_so(new_mesh):
    mesh = new_mesh(ipv6=False)
    mesh.build_network()
    mesh.write_config()
    mesh.start_dns()
    mesh.start_envoy()
    done = mesh.install()
    assert sum("IPv6" in line for line in done.stderr.splitlines()) == 1, done.stderr
    assert mesh.curl("http://backend.mesh/").stdout.startswith("name=remote ")
