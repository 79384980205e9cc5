"""doctor: each of its findings is made to happen, and found; a machine where nothing is wrong has
none."""

import contextlib
import json
import shutil
import subprocess

import network as n
import pytest
import test_other_meshes as meshes

CONFIG = n.DNS_ALL + "[redirect.inbound]\nexclude_ports = [22]\n"
NETWORK = '[[redirect.network]]\ninterface = "lan0"\ncidr = "10.66.2.0/24"\n'


def doctor(network, config=None, uid=None, preload=None):
    """{code: finding}, and what it could not look at."""
    words = [network.redirect, "doctor", "--json", "--config", config or network.latest]
    if preload:
        words = ["env", f"LD_PRELOAD={preload}", *words]
    done = network.vm_namespace.try_run(*words, uid=uid)
    report = json.loads(done.stdout)
    assert report["schema"] == "meshgate-redirect.doctor/1"
    errors = [one for one in report["findings"] if one["severity"] == "error"]
    assert done.returncode == (1 if errors else 0), done.stdout + done.stderr
    findings = {one["code"]: one for one in report["findings"]}
    findings.pop("MG205", None)  # what a kumactl has left in the machine's own /tmp
    return findings, report["not_looked_at"]


def found(network, **arguments):
    return doctor(network, **arguments)[0]


@contextlib.contextmanager
def setting(network, **values):
    """net.ipv4.conf.up0.rp_filter as net__ipv4__conf__up0__rp_filter"""
    names = {name.replace("__", "."): value for name, value in values.items()}
    before = {name: network.vm_namespace.run("sysctl", "-n", name).strip() for name in names}
    for name, value in names.items():
        network.vm_namespace.run("sysctl", "-qw", f"{name}={value}")
    yield
    for name, value in before.items():
        network.vm_namespace.run("sysctl", "-qw", f"{name}={value}")


def library(network, name):
    target = network.folder / f"{name}.so"
    if not target.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-o", target, n.HERE / f"{name}.c", "-lnftnl",
                        "-ldl"], check=True)
    return target


def test_nothing_is_found_where_nothing_is_wrong(network):
    network.install(CONFIG)
    assert doctor(network) == ({}, [])
    text = network.run("doctor", config=network.latest)
    assert text.returncode == 0 and "error" not in text.stdout.splitlines()[0]


@pytest.mark.parametrize("engine", ["iptables-nft"], indirect=True)
def test_nothing_is_found_with_iptables(network):
    network.install(CONFIG)
    assert doctor(network) == ({}, [])


def test_doctor_changes_nothing(network):
    network.install(CONFIG)
    vm = network.vm_namespace

    def everything():
        return [vm.run("nft", "-a", "list", "ruleset"), vm.run("ip", "address"),
                vm.run("ip", "route", "show", "table", "all"), vm.run("ip", "rule")]

    before = everything()
    found(network)
    assert everything() == before


def test_without_an_install_it_says_so_and_that_is_no_error(network):
    network.latest = network.config(CONFIG)
    assert set(found(network)) == {"MG101"}


def test_an_ordinary_user_is_told_what_was_not_looked_at(network):
    network.install(CONFIG)
    findings, not_looked_at = doctor(network, uid=65534)
    assert findings == {}
    assert any(line.startswith("the rules: ") for line in not_looked_at)
    assert any(line.startswith("whose sockets those of other users are") for line in not_looked_at)


def test_changed_rules(network):
    network.install(CONFIG)
    network.vm_namespace.run("nft", "insert", "rule", "inet", "meshgate", "output", "return")
    assert set(found(network)) == {"MG102"}


def test_another_configuration(network):
    network.install(CONFIG)
    assert set(found(network, config=network.config(n.DNS_ALL.replace(', "tcp"', "") +
                                                    "[redirect.inbound]\nexclude_ports = [22]\n"
                                                    ))) == {"MG103"}


def test_a_table_of_our_name_that_is_not_ours(network):
    network.latest = network.config(CONFIG)
    network.vm_namespace.run("nft", "add", "table", "inet", "meshgate")
    assert set(found(network)) == {"MG104"}
    network.vm_namespace.run("nft", "delete", "table", "inet", "meshgate")


def test_a_kernel_that_lacks_something(network):
    network.latest = network.config('[redirect]\nengine = "nftables"\n' + CONFIG)
    finding = found(network, preload=library(network, "no_inet_nat"))["MG105"]
    assert any("NAT and redirect for inet" in line for line in finding["details"])
    assert "MG106" in found(network, preload=library(network, "no_zones"))


def test_rules_in_the_wrong_engine(network):
    network.install(CONFIG)
    path = network.config('[redirect]\nengine = "iptables"\n' + CONFIG)
    assert "MG107" in found(network, config=path)


def test_an_address_that_is_gone(network):
    network.install(CONFIG)
    network.vm_namespace.run("ip", "-6", "address", "del", "::6/128", "dev", "lo")
    assert found(network)["MG108"]["details"] == ["address ::6/128 dev lo"]


def test_a_nat_chain_before_ours(network):
    network.install(CONFIG)
    chain = "table ip early {{ chain output {{ type nat hook output priority {}; {}\n }}\n }}"
    network.vm_namespace.run("nft", "-f", "-", input=chain.format(-150, "tcp dport 1 return"))
    assert found(network) == {}
    network.vm_namespace.run("nft", "-f", "-", input=chain.format(-150, "tcp dport 1 redirect to :2"))
    finding = found(network)["MG201"]
    assert finding["details"] == ["ip early output, priority -150"]
    network.vm_namespace.run("nft", "delete", "table", "ip", "early")


def test_rules_in_both_back_ends_of_iptables(network):
    network.install(CONFIG)
    rule = ("-t", "filter", "-A", "INPUT", "-p", "sctp", "-j", "ACCEPT")
    try:
        network.vm_namespace.run("iptables-nft", *rule)
        # Tables that are empty are no rules.
        network.vm_namespace.run("iptables-legacy", "-t", "filter", "-L")
        assert found(network) == {}
        network.vm_namespace.run("iptables-legacy", *rule)
        assert set(found(network)) == {"MG202"}
    finally:
        network.vm_namespace.run("iptables-legacy", "-F")


def test_the_capture_of_another_mesh(network):
    network.install(CONFIG)
    meshes.load_mesh(network, "kuma", "nft")
    assert "Kuma" in found(network)["MG203"]["details"][0]
    network.vm_namespace.run("nft", "flush", "ruleset")


def test_what_others_left_in_files(network):
    vm = network.vm_namespace
    network.install(CONFIG)
    direct_xml = "/etc/firewalld/direct.xml"
    vm.run("sh", "-c", "mkdir -p /etc/firewalld && mount -t tmpfs none /etc/firewalld")
    try:
        vm.run("sh", "-c", f"echo '<direct><chain ipv=\"ipv4\" table=\"nat\" "
                           f"chain=\"KUMA_MESH_INBOUND\"/></direct>' > {direct_xml}")
        assert set(found(network)) == {"MG204"}
        vm.run("rm", direct_xml)
        vm.run("nft", "add", "table", "inet", "firewalld")
        assert set(found(network)) == {"MG206"}
        vm.run("sh", "-c", "echo RFC3964_IPv4=no > /etc/firewalld/firewalld.conf")
        assert found(network) == {}
    finally:
        vm.run("umount", "/etc/firewalld")


def conntrack_says(namespace):
    """What conntrack-tools read: the entries, and the statistics of all processors together."""
    total = {}
    for line in namespace.run("conntrack", "-S").splitlines():
        for word in line.split()[1:]:
            name, _, number = word.partition("=")
            total[name] = total.get(name, 0) + int(number)
    return int(namespace.run("conntrack", "-C").split()[-1]), total


def test_the_counts_of_conntrack_are_the_kernels(network):
    """A full table is the whole machine's, and cannot be made here; how many entries there are is
    this namespace's, and what is nearly full is a question of the limit."""
    network.install(CONFIG)
    vm = network.vm_namespace
    vm.run("conntrack", "-F")
    for port in range(40):
        network.vm.udp(uid=n.PROXY, to=[n.FAR, 5353], source=[n.VM, 41000 + port])
    assert {"MG301", "MG303"} & set(found(network)) == set()
    limit = "/proc/sys/net/netfilter/nf_conntrack_max"
    for most, severity in ((50, "warning"), (41, "error")):
        vm.bind_file(network.write(f"{most}\n"), limit)
        try:
            entries = conntrack_says(vm)[0]
            finding = found(network)["MG301"]
        finally:
            vm.run("umount", limit)
        assert 40 <= entries < most and finding["severity"] == severity
        assert finding["details"] == [f"{entries} of {most} ({entries * 100 // most}%)"]


CLASH = """
import socket
server = socket.create_server(("127.0.0.1", 9009))
first = socket.create_connection(("127.0.0.1", 9009))
second = socket.socket()
second.settimeout(0.3)
print(second.connect_ex(("127.0.0.1", 9009)))
"""


def test_a_connection_that_conntrack_could_not_insert(network):
    """Two that are translated to one source: the second has no tuple of its own. That is no full
    table, though the kernel counts a drop for it as well. In a namespace whose counts are its own."""
    alone = n.lab.Namespace("clash", network.folder)
    try:
        alone.run("nft", "-f", "-", input="table ip t { chain p { type nat hook postrouting priority "
                  "100\n tcp dport 9009 snat to 127.0.0.1:5000\n }\n }")
        assert alone.run(n.lab.PYTHON, "-c", CLASH).strip() != "0"
        counts = conntrack_says(alone)[1]
        assert counts["insert_failed"] == counts["drop"] >= 1
        done = alone.try_run(network.redirect, "doctor", "--json", "--config", network.config(CONFIG))
        findings = {one["code"]: one for one in json.loads(done.stdout)["findings"]}
        assert findings["MG302"]["details"] == [f"{counts['insert_failed']} times"]
        assert "MG303" not in findings
    finally:
        alone.close()


def test_a_port_that_nobody_listens_at(network):
    path = network.config(CONFIG.replace("enabled", 'port = 15099\nenabled', 1))
    assert network.run("install", config=path).returncode == 0
    finding = found(network, config=path)["MG401"]
    assert finding["severity"] == "error"
    assert finding["details"] == ["UDP port 15099 (DNS)", "TCP port 15099 (DNS)"]


def test_a_listener_of_one_family(network):
    path = network.config(CONFIG.replace("enabled", 'port = 15098\nenabled', 1))
    assert network.run("install", config=path).returncode == 0
    with network.serving(uid=n.PROXY, name="four", tcp=[15098], udp=[15098], address="127.0.0.1"):
        finding = found(network, config=path)["MG402"]
    assert finding["details"] == [f"{each} port 15098 (DNS): not at ::1" for each in ("UDP", "TCP")]


def test_a_network_whose_interface_is_not_there(network):
    network.install(CONFIG + NETWORK.replace("lan0", "lan9"))
    assert any("lan9" in line for line in found(network)["MG403"]["details"])


def test_an_application_of_the_proxys_user(network):
    network.install(CONFIG)
    with network.serving(uid=n.PROXY, name="application", tcp=[7001]):
        finding = found(network)["MG503"]
    assert len(finding["details"]) == 1 and "user 5678" in finding["details"][0]
    assert found(network) == {}


def test_root_is_exempt(network):
    network.install(CONFIG, base="[proxy]\nuser = 5678\nexempt_users = [0]\n")
    assert set(found(network)) == {"MG502"}


OPENED_AS_ROOT = """
import os, socket, sys
ready = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
ready.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
ready.bind(("127.0.0.1", 15097)); ready.listen()
upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
upstream.bind(("0.0.0.0", 0))
answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
answers.bind(("127.0.0.1", 15097))
os.setgroups([]); os.setresgid(5678, 5678, 5678); os.setresuid(*[int(sys.argv[1])] * 3)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("user, code", [(n.PROXY, "MG504"), (n.APP, "MG505")])
def test_a_resolver_whose_questions_come_back_to_it(network, user, code):
    """Started as root, which opens its sockets, and then somebody else: the proxy's user, with a
    socket that is root's, or one that is captured itself."""
    path = network.config('[redirect]\nip_family = "ipv4"\n' +
                          CONFIG.replace("enabled", 'port = 15097\nenabled', 1))
    assert network.run("install", config=path).returncode == 0
    process = subprocess.Popen(network.vm_namespace.inside(
        [n.lab.PYTHON, "-c", OPENED_AS_ROOT, user]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        findings = found(network, config=path)
    finally:
        process.stdin.close()
        process.wait(n.lab.PATIENCE_S)
    assert code in findings and not {"MG504", "MG505"} - {code} & set(findings)
    assert f"user {user}" in findings[code]["details"][0]


def test_settings_of_the_kernel(network):
    network.install(CONFIG + NETWORK)
    assert found(network) == {}
    with setting(network, net__ipv6__conf__lo__disable_ipv6=1):
        assert "MG601" in found(network)
    # ::1 and ::6 went with it.
    network.vm_namespace.run("ip", "-6", "address", "replace", "::1/128", "dev", "lo")
    network.install(CONFIG + NETWORK)
    with setting(network, net__ipv4__conf__up0__route_localnet=1):
        assert found(network)["MG602"]["details"] == ["up0"]
    with setting(network, net__ipv4__ip_forward=0):
        assert set(found(network)) == {"MG604"}
    assert found(network) == {}


def test_clients_that_are_reached_by_another_interface(network):
    text = CONFIG + NETWORK.replace("10.66.2.0/24", "198.51.100.0/24")
    network.install(text)
    assert found(network) == {}
    with setting(network, net__ipv4__conf__lan0__rp_filter=1):
        assert found(network)["MG603"]["details"] == [
            "lan0: 198.51.100.0/24 is reached by up0, rp_filter is 1"]


def test_a_log_that_the_kernel_does_not_write(network):
    network.install('[redirect]\nlog_prefix = "mesh: "\n' + CONFIG)
    assert set(found(network)) == {"MG605"}


def test_the_loopback_device_is_down(network):
    network.install(CONFIG)
    network.vm_namespace.run("ip", "link", "set", "lo", "down")
    try:
        assert "MG606" in found(network)
    finally:
        network.vm_namespace.run("ip", "link", "set", "lo", "up")


def test_ssh_that_is_captured(network):
    network.install(n.DNS_ALL)
    assert found(network)["MG701"]["details"] == ["TCP port 22: somebody listens there"]
    # By the name of its server, at another port.
    sshd = shutil.copy(n.lab.PYTHON, network.folder / "sshd")
    network.install(CONFIG)
    process = subprocess.Popen(network.vm_namespace.inside(
        [sshd, "-c", "import socket, sys; s = socket.create_server(('', 2222)); "
                     "print('ready', flush=True); sys.stdin.read()"]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        assert found(network)["MG701"]["details"] == ["TCP port 2222: sshd listens there"]
    finally:
        process.stdin.close()
        process.wait(n.lab.PATIENCE_S)
    words = ["env", f"SSH_CONNECTION={n.OUTSIDE} 50022 {n.VM} 8080"]
    done = network.vm_namespace.try_run(*words, network.redirect, "doctor", "--config",
                                        network.latest)
    assert "TCP port 8080: you are logged in over it" in done.stdout
    # sudo takes the variable away: the shell that it was started from has it still.
    hidden = f"env -u SSH_CONNECTION {network.redirect} doctor --config {network.latest}; true"
    done = network.vm_namespace.try_run(*words, "sh", "-c", hidden)
    assert "TCP port 8080: you are logged in over it" in done.stdout
