"""meshgate-dns for clients behind an interface: the remote machine asks through the VM."""

import mesh as m
import pytest


@pytest.fixture
def behind(new_mesh):
    mesh = new_mesh()
    mesh.build_network()
    for family, via in (("-4", m.VM_ADDRESS), ("-6", m.VM_ADDRESS6)):
        mesh.remote.run("ip", family, "route", "add", "default", "via", via)
    mesh.write_config(f"""
[[redirect.network]]
interface = "{m.SERVICE_LINK}"
cidr = ["10.77.1.0/24", "fd77:1::/64"]
""")
    return mesh


@pytest.mark.parametrize("listen", [f'"{m.SERVICE_LINK}:15053"', '"0.0.0.0:15053", "[::]:15053"'],
                         ids=["interface", "wildcard"])
def test_they_are_answered_by_the_server_they_asked(behind, listen):
    """dig takes no answer from another address."""
    text = behind.config.read_text()
    behind.config.write_text(text.replace("[dns]", f"[dns]\nlisten = [{listen}]"))
    assert "dns.listen" not in behind.redirect("check").stderr
    behind.start_dns()
    done = behind.install()
    assert "UDP port" not in done.stderr, done.stderr
    for server in (m.DNS_ADDRESS, m.DNS_ADDRESS6, "192.0.2.53", "2001:db8::53", m.VM_ADDRESS):
        for option in ("+notcp", "+tcp"):
            for name, address in (("backend.mesh", m.VIP),
                                  ("www.outside.example", m.SERVICE_ADDRESS)):
                answer = behind.remote.run("dig", f"@{server}", "+short", "+time=5", "+tries=1",
                                           option, name)
                assert answer == address + "\n", (server, option)


def test_a_resolver_on_loopback_only_is_pointed_out(behind):
    assert behind.redirect("check").stderr.count("'dns.listen' needs") == 2
    behind.start_dns()
    stderr = behind.install().stderr
    assert f"UDP port 15053 of {m.SERVICE_LINK} ({m.VM_ADDRESS})" in stderr
    assert f"UDP port 15053 of {m.SERVICE_LINK} ({m.VM_ADDRESS6})" in stderr
