"""What `kumactl install transparent-proxy` refuses, and what it should, by the program itself: each
case ends with its exit status, says what to do, and leaves nothing behind."""

import pathlib
import shlex

import network as n
import pytest

USAGE, FAILED, BAD, NOT_PERMITTED = 2, 1, 65, 77
UIDS = "--exclude-outbound-ports-for-uids"
# The words of the command line, how it ends, and a part of what it says.
CASES = [
    (["--redirect-dns", "--redirect-all-dns-traffic"], USAGE, "use one of --redirect-dns and"),
    (["--redirect-dsn"], USAGE, "unknown option '--redirect-dsn', did you mean '--redirect-dns'?"),
    (["--redirect-inbound-port"], USAGE, "needs a value"),
    (["--redirect-inbound-port", "0"], USAGE, "'0' is not a port (1 to 65535)"),
    (["--redirect-outbound-port", "65536"], USAGE, "'65536' is not a port (1 to 65535)"),
    (["--redirect-dns-port", "dns"], USAGE, "'dns' is not a port (1 to 65535)"),
    (["--exclude-inbound-ports", "22,x"], USAGE, "'x' is not a port (1 to 65535) or a range"),
    (["--ip-family-mode", "ipv5"], USAGE, "'ipv5' is not dualstack, ipv4 or ipv6"),
    (["--kuma-dp-user", "no-such-user"], BAD, "--kuma-dp-user: user 'no-such-user' does not exist"),
    ([UIDS, "a:b:c:d"], USAGE, "more than three parts"),
    ([UIDS, "tcp:80:*"], USAGE, "'*' is not a uid"),
    ([UIDS, "80:1,2"], USAGE, "'1,2' is more than one uid or range"),
    ([UIDS, "80:x"], USAGE, "'x' is not a uid"),
    ([UIDS, "70000:1"], USAGE, "'70000' is not a port"),
    ([UIDS, "icmp:80:1"], USAGE, "'icmp' is not a protocol: tcp, udp or * for both"),
    (["--exclude-inbound-ips", ""], USAGE, "'' is not an address or a network"),
    (["--exclude-outbound-ips", "localhost"], USAGE, "'localhost' is not an address or a network"),
    (["--exclude-outbound-ips", "10.0.0.0/33"], USAGE, "'10.0.0.0/33' is not an address"),
    (["--vnet", "docker0"], USAGE, "'docker0' is not INTERFACE:NETWORK"),
    (["--vnet", "docker0:172.17.0.0/33"], USAGE, "'172.17.0.0/33' is not an address or a network"),
    (["--config", "/none.yaml"], BAD, "/none.yaml"),
    (["--config", "/"], BAD, "/: "),
    # Those that kumactl takes.
    (["--redirect-inbound-port", "15001"], BAD, "are both 15001"),
    (["--redirect-dns", "--redirect-dns-port", "15006"], BAD, "are both 15006"),
    (["--exclude-inbound-ports", "15006"], BAD, "the proxy's own port cannot be excluded"),
    (["--exclude-inbound-ports", "15000-15010"], BAD, "the proxy's own port cannot be excluded"),
    (["--kuma-dp-user", "root"], BAD, "cannot be root"),
    (["--kuma-dp-user", "0"], BAD, "cannot be root"),
    (["--exclude-outbound-ips", "10.0.0.1/8"], USAGE, "has bits set after the prefix: write 10.0.0.0/8"),
    (["--vnet", "docker0:172.17.0.1/16"], USAGE, "write 172.17.0.0/16"),
]
FILES = [
    ("redirect: [", BAD, "kuma.yaml:2:"),
    ("{\"redirect\": {", BAD, "kuma.yaml:1:"),
    ("redirect: {inbound: {port: 0}}", BAD, "'redirect.inbound.port': '0' is not a port"),
    ("redirect: {inbound: {port: 70000}}", BAD, "'redirect.inbound.port': '70000' is not a port"),
    ("ipFamilyMode: both", BAD, "'ipFamilyMode': 'both' is not dualstack, ipv4 or ipv6"),
    ("kumaDPUser: no-such-user", BAD, "user 'no-such-user' does not exist"),
    ("redirect: {inbuond: {}}", BAD, "unknown key 'redirect.inbuond', did you mean 'inbound'?"),
    ("redirect: {vnet: {networks: [docker0]}}", BAD, "'docker0' is not INTERFACE:NETWORK"),
    ("redirect: {outbound: {excludePortsForUIDs: ['tcp:80:*']}}", BAD, "'*' is not a uid"),
    ("redirect: {outbound: {excludePortsForIPs: [localhost]}}", BAD, "'localhost' is not an address"),
    ("redirect: {inbound: {includePorts: [80], excludePorts: [22]}}", BAD, "kuma.yaml:1:37: 'redirect.inbound"),
    ("redirect: {outbound: {includePorts: 80, excludePorts: 22}}", BAD, "contradict each other"),
    ("redirect: {inbound: {excludePortsForUIDs: ['1']}}", BAD, "exclude ports or addresses"),
]


def refused(network, words, status, part, uid=None, prefix=()):
    done = network.vm_namespace.try_run(*prefix, network.redirect, "install", "transparent-proxy",
                                        *words, uid=uid)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert part in done.stderr, done.stderr
    assert network.run("status").returncode == 3
    assert "::6" not in network.vm_namespace.run("ip", "-6", "address", "show", "dev", "lo")


@pytest.mark.parametrize("words, status, part", CASES,
                         ids=lambda one: " ".join(one) if isinstance(one, list) else "")
def test_a_command_line_is_refused(network, words, status, part):
    user = [] if "--kuma-dp-user" in words else ["--kuma-dp-user", str(n.PROXY)]
    refused(network, [*user, *words], status, part)


@pytest.mark.parametrize("text, status, part", FILES, ids=lambda one: "")
def test_a_file_is_refused(network, text, status, part):
    path = network.write(text + "\n", "kuma.yaml")
    user = [] if "kumaDPUser" in text else ["--kuma-dp-user", str(n.PROXY)]
    refused(network, [*user, "--config", path], status, part)


def test_an_ordinary_user_is_told_to_be_root(network):
    refused(network, ["--kuma-dp-user", str(n.PROXY)], NOT_PERMITTED, "run as root", uid=n.APP)
    done = network.vm_namespace.try_run(network.redirect, "install", "--kuma-dp-user", n.PROXY,
                                        "--dry-run", uid=n.APP)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_may_not_be_read(network):
    path = network.write("redirect: {}\n", "secret.yaml")
    path.chmod(0)
    done = network.vm_namespace.try_run(network.redirect, "install", "--dry-run", "--config", path,
                                        uid=n.APP)
    assert done.returncode in (BAD, NOT_PERMITTED) and "secret.yaml" in done.stderr
    assert "ermission denied" in done.stderr


@pytest.mark.parametrize("line, uid", [("", None), ("kuma-dp:x:4321:4321::/:/bin/false\n", 4321),
                                       ("other:x:5678:5678::/:/bin/false\n", 5678)])
def test_the_user_that_is_taken_when_none_is_named(network, line, uid):
    """kumactl ends where neither uid 5678 nor kuma-dp exists; here that is worth a warning."""
    vm = network.vm_namespace
    passwd = network.write("root:x:0:0::/:/bin/sh\n" + line, "passwd")
    nsswitch = network.write("passwd: files\n", "nsswitch.conf")
    vm.bind_file(passwd, "/etc/passwd")
    if pathlib.Path("/etc/nsswitch.conf").exists():
        vm.bind_file(nsswitch, "/etc/nsswitch.conf")
    try:
        done = vm.try_run(network.redirect, "install", "--dry-run")
    finally:
        vm.run("umount", "/etc/passwd")
        vm.try_run("umount", "/etc/nsswitch.conf")
    assert done.returncode == 0
    assert ("no user 5678 and no user kuma-dp" in done.stderr) == (uid is None), done.stderr
    assert f"elements = {{ {uid or n.PROXY} }}" in done.stdout


def test_executables_of_iptables_are_named_as_ignored(network):
    """There are none to choose; what is wrong with the list hurts nobody."""
    for value in ("iptables:/sbin/iptables", "nonsense", "iptables-what:/bin/true"):
        done = network.vm_namespace.try_run(network.redirect, "install", "--dry-run", "--kuma-dp-user",
                                            n.PROXY, "--iptables-executables", value)
        assert done.returncode == 0
        assert done.stderr.count("--iptables-executables") == 1


@pytest.mark.parametrize("engine", ["iptables-nft", "iptables-legacy"], indirect=True)
def test_no_usable_executables(network, engine):
    vm = network.vm_namespace
    backend = "legacy" if "legacy" in network.engine else "nft"
    program = f"/usr/sbin/iptables-{backend}-restore"
    path = network.config()
    vm.bind_file("/dev/null", program)  # nothing that can be run
    try:
        done = network.run("install", config=path)
        assert done.returncode == FAILED
        assert "the back end asked for is not on this machine" in done.stderr
        assert network.run("status", config=path).returncode == 3
    finally:
        vm.run("umount", str(pathlib.Path(program).resolve()))


@pytest.mark.parametrize("engine", ["iptables-nft", "iptables-legacy"], indirect=True)
@pytest.mark.parametrize("complaint", ["can't initialize iptables table `nat': Table does not exist",
                                       "Couldn't load match `owner'", "Couldn't load match `tcp'"])
def test_a_kernel_without_what_is_needed(network, engine, complaint):
    """As the programs say it: nothing of ours is left in the other family either."""
    backend = "legacy" if "legacy" in network.engine else "nft"
    broken = network.folder / f"without-{backend}"
    broken.mkdir(exist_ok=True)
    program = broken / f"ip6tables-{backend}-restore"
    program.write_text("#!/bin/sh\ncat >/dev/null\n"
                       f"echo {shlex.quote(complaint)} >&2\nexit 3\n")
    program.chmod(0o755)
    done = network.vm_namespace.try_run("env", f"PATH={broken}:/usr/sbin:/usr/bin:/sbin:/bin",
                                        network.redirect, "install", "--config", network.config())
    assert done.returncode == FAILED and complaint in done.stderr
    assert network.run("status", config=network.config()).returncode == 3
    saved = network.vm_namespace.run(f"iptables-{backend}-save")
    assert "MESHGATE" not in saved and "MGTRIAL" not in saved
