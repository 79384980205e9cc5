"""The coredns personality in its place: a stand-in for kuma-dp starts it as kuma-dp does, in front of
a real Envoy's DNS filter, with the Corefile of Kuma up to 2.7 and its empty server, which that filter
asks for the names that it does not know."""

import envoy as envoy_module
import lab
import mesh as m
import pytest

VIP = "240.0.0.5"
DNS_PORT, FILTER_PORT, EMPTY_PORT, METRICS_PORT = 15053, 15054, 15055, 19153
COREFILE = f""".:{DNS_PORT} {{
    forward . 127.0.0.1:{FILTER_PORT}
    alternate NOTIMP,FORMERR,NXDOMAIN,SERVFAIL,REFUSED . /etc/resolv.conf
    prometheus localhost:{METRICS_PORT}
    errors
    log
}}

.:{EMPTY_PORT} {{
    template ANY ANY . {{
      rcode NXDOMAIN
    }}
}}
"""


def dns_listener():
    """As the control plane configures it."""
    resolver = {"@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3."
                         "CaresDnsResolverConfig",
                "resolvers": [{"socket_address": {"address": "127.0.0.1",
                                                  "port_value": EMPTY_PORT}}],
                "dns_resolver_options": {"no_default_search_domain": True}}
    domains = [{"name": name, "answer_ttl": "30s",
                "endpoint": {"address_list": {"address": [VIP]}}}
               for name in ("demo.mesh", "demo.svc.mesh.local")]
    dns_filter = {"@type": "type.googleapis.com/envoy.extensions.filters.udp.dns_filter.v3."
                           "DnsFilterConfig",
                  "stat_prefix": "kuma_dns",
                  "server_config": {"inline_dns_table": {"virtual_domains": domains}},
                  "client_config": {"max_pending_lookups": 256, "typed_dns_resolver_config": {
                      "name": "envoy.network.dns_resolver.cares", "typed_config": resolver}}}
    return {"name": "kuma:dns", "address": {"socket_address": {
                "address": "127.0.0.1", "port_value": FILTER_PORT, "protocol": "UDP"}},
            "listener_filters": [{"name": "envoy.filters.udp.dns_filter",
                                  "typed_config": dns_filter}]}


@pytest.fixture
def vm(new_mesh, monkeypatch):
    """Envoy with the filter, coredns beside it, the capture of both installed."""
    mesh = new_mesh()
    mesh.build_network()
    plain = envoy_module.configuration

    def with_filter(services):
        made = plain(services + [("demo", VIP, 80, m.SERVICE_ADDRESS, m.SERVICE_PORT)])
        made["static_resources"]["listeners"].append(dns_listener())
        return made

    monkeypatch.setattr(envoy_module, "configuration", with_filter)
    mesh.start_envoy()
    corefile = mesh._write("Corefile", COREFILE)
    program = mesh.program("meshgate-dns")
    coredns = program.with_name("coredns")
    coredns.symlink_to(program.name)
    assert "CoreDNS-" in mesh.vm.run(coredns, "--version", uid=m.PROXY_UID)
    mesh.coredns = mesh.vm.start(coredns, "-conf", corefile, "-quiet", uid=m.PROXY_UID)
    mesh.coredns.wait_ready(lambda: "ready: " in mesh.coredns.output(), "coredns")
    mesh.write_config()
    mesh.install()
    return mesh


def addresses(mesh, name, kind="A"):
    return mesh.dig(name, kind, "+short").split()


def test_names_of_the_filter_and_of_the_host_are_both_found(vm):
    assert addresses(vm, "demo.mesh") == [VIP]
    assert addresses(vm, "DEMO.svc.mesh.local") == [VIP]
    assert addresses(vm, "www.outside.example") == [m.SERVICE_ADDRESS]
    assert addresses(vm, "www.outside.example", "AAAA") == [m.SERVICE_ADDRESS6]
    assert "NXDOMAIN" in vm.dig("no.outside.example", "A")
    assert addresses(vm, "www.outside.example", "+tcp") == [m.SERVICE_ADDRESS]
    lab.wait_until(lambda: '"A IN demo.mesh. udp' in vm.coredns.output(), "a log line")


def test_traffic_goes_by_the_name_and_metrics_tell(vm):
    with vm.counting() as rise:
        done = vm.curl("http://demo.mesh/")
    assert done.returncode == 0, done.stderr
    assert rise["demo"] == 1
    text = vm.vm.run("curl", "--silent", "--max-time", "5",
                     f"http://127.0.0.1:{METRICS_PORT}/metrics")
    assert f'coredns_forward_requests_total{{server="dns://:{DNS_PORT}",to="127.0.0.1:{FILTER_PORT}"}}' in text


def test_the_proxy_may_go_and_come_back(vm):
    vm.envoy.stop()
    assert addresses(vm, "www.outside.example") == [m.SERVICE_ADDRESS]
    vm.start_envoy()
    lab.wait_until(lambda: addresses(vm, "demo.mesh") == [VIP], "the mesh's names")


def test_it_ends_as_kuma_dp_ends_it(vm):
    vm.coredns.send_signal(15)
    assert vm.coredns.wait(5) == 0
