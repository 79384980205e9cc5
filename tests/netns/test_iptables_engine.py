"""engine = "iptables": what is particular to it. Where packets go is in all other files, which run
with each engine."""

import subprocess

import network as n
import pytest
import test_lifecycle as lifecycle

ENGINES = {name: lines for name, lines in n.ENGINES.items() if lines}
CONFIGURATION = n.DNS_ALL + "[redirect.inbound]\nexclude_ports = [22]\n"
OTHER = n.DNS_ALL + "[redirect.inbound]\nexclude_ports = [22, 2222]\n"


def who(answer):
    return answer.get("name") or answer["error"]


def programs(network):
    backend = "legacy" if "legacy" in network.engine else "nft"
    return f"iptables-{backend}", f"ip6tables-{backend}"


def landings(network):
    return [who(network.vm.tcp(uid=n.APP, to=[far, 80])) for far in (n.FAR, n.FAR6)] + [
        who(network.vm.udp(uid=n.APP, to=[far, 53])) for far in (n.FAR, n.FAR6)] + [
        who(network.outside.tcp(uid=0, to=[vm, port])) for vm in (n.VM, n.VM6) for port in (22, 8080)]


CAPTURED = ["outbound"] * 2 + ["resolver"] * 2 + ["service", "inbound"] * 2
DIRECT = ["outside"] * 4 + ["service"] * 4


def nothing_left(network):
    vm = network.vm_namespace
    saved = "".join(vm.run(f"{program}-save") for six in ("", "6")
                    for program in (f"ip{six}tables-nft", f"ip{six}tables-legacy"))
    assert "MESHGATE" not in saved and "MGTRIAL" not in saved and "meshgate" not in saved
    assert "meshgate" not in vm.run("nft", "list", "ruleset")
    assert "::6" not in vm.run("ip", "-6", "address", "show", "dev", "lo")


def test_install_again_replace_and_uninstall(network):
    path = network.install(CONFIGURATION)
    assert landings(network) == CAPTURED
    for verb in ("status", "diff"):
        done = network.run(verb, config=path)
        assert done.returncode == 0, done.stdout
    assert '"engine":"iptables"' in network.run("status", "--json", config=path).stdout
    again = network.run("install", "--verbose", config=path)
    assert (again.returncode, "already installed" in again.stderr) == (0, True)
    other = network.config(OTHER)
    assert network.run("status", config=other).returncode == 2
    diff = network.run("diff", config=other)
    assert diff.returncode == 2 and "+ element ip_inbound_1 { 2222 }" in diff.stdout
    assert network.run("install", config=other).returncode == 0
    assert network.run("status", config=other).returncode == 0
    assert network.run("uninstall").returncode == 0
    assert landings(network) == DIRECT
    assert network.run("status").returncode == 3
    nothing_left(network)


@pytest.mark.parametrize("spoil", [
    "-t nat -F OUTPUT", "-t nat -F", "-t nat -F MESHGATE_OUTPUT", "-t raw -F", "-t nat -F MESHGATE",
    "-t nat -I OUTPUT 1 -p tcp -j RETURN", "-t nat -A MESHGATE_OUTPUT -j ACCEPT",
    "-t nat -A OUTPUT -j MESHGATE_OUTPUT", "-t nat -N MGTRIAL_OUTPUT",
    "-t raw -D OUTPUT 1",
])
def test_what_was_spoilt_is_seen_repaired_and_taken_away(network, spoil):
    path = network.install(CONFIGURATION)
    vm = network.vm_namespace
    for program in programs(network):
        vm.run(program, *spoil.split())
    assert network.run("status", config=path).returncode == 2
    assert network.run("diff", config=path).returncode == 2
    assert network.run("install", config=path).returncode == 0
    assert network.run("status", config=path).returncode == 0
    assert landings(network) == CAPTURED
    for program in programs(network):
        vm.run(program, *spoil.split())
    assert network.run("uninstall").returncode == 0
    for program in programs(network):
        vm.try_run(program, "-t", "nat", "-F", "OUTPUT")
    nothing_left(network)


def interrupted(network, path, program, table):
    """An install that was killed before that table: the programs are run, one table at a time."""
    text = network.run("install", "--dry-run", "--format", "iptables", config=path).stdout
    ipv4, ipv6 = text.split("# ip6tables-restore --noflush\n")
    text = ipv6 if program.startswith("ip6") else ipv4
    backends = programs(network)
    if program.startswith("ip6"):
        network.vm_namespace.run(f"{backends[0]}-restore", "--noflush", input=ipv4)
    before = text[:text.index(f"*{table}\n")]
    network.vm_namespace.run(f"{program}-restore", "--noflush", input=before)


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("table", ["mangle", "nat"])
@pytest.mark.parametrize("first", [None, OTHER], ids=["from nothing", "from another"])
def test_an_interrupted_install_is_repaired(network, family, table, first):
    text = CONFIGURATION + "[redirect]\ndrop_invalid = true\n"
    path = network.config(text)
    if first:
        network.install(first)
    interrupted(network, path, programs(network)[family], table)
    assert network.run("status", config=path).returncode == 2
    assert network.run("install", config=path).returncode == 0
    assert network.run("status", config=path).returncode == 0
    assert landings(network) == CAPTURED
    assert network.run("uninstall").returncode == 0
    interrupted(network, path, programs(network)[family], table)
    assert network.run("uninstall").returncode == 0
    nothing_left(network)


def test_a_refused_install_leaves_what_was_there(network):
    """ip6tables refuses; the rules of IPv4 are those of before."""
    path = network.install(CONFIGURATION)
    vm = network.vm_namespace
    before = network.rules()
    broken = network.folder / "broken-path"
    broken.mkdir(exist_ok=True)
    ip6 = broken / f"{programs(network)[1]}-restore"
    ip6.write_text("#!/bin/sh\ncat >/dev/null\necho 'line 7 failed' >&2\nexit 1\n")
    ip6.chmod(0o755)
    done = vm.try_run("env", f"PATH={broken}:/usr/sbin:/usr/bin:/sbin:/bin", network.redirect,
                      "install", "--config", network.config(OTHER))
    assert done.returncode == 1 and "line 7 failed" in done.stderr
    assert strip_counters(network.rules()) == strip_counters(before)
    assert network.run("status", config=path).returncode == 0


def strip_counters(saved):
    return [line.split(" [")[0] for line in saved.splitlines() if not line.startswith("#")]


def test_rules_go_from_one_engine_to_the_other_and_back(network):
    text = CONFIGURATION
    ours = network.install(text)
    engine, network.engine = network.engine, 'engine = "nftables"'
    native = network.config(text)
    status = network.run("status", config=native)
    assert status.returncode == 2
    assert "installed through iptables, but the configuration says nftables" in status.stdout
    assert network.run("install", config=native).returncode == 0
    assert "MESHGATE" not in "".join(network.vm_namespace.run(f"{program}-save")
                                     for program in programs(network))
    assert network.run("status", config=native).returncode == 0
    assert landings(network) == CAPTURED
    network.engine = engine
    assert network.run("install", config=ours).returncode == 0
    assert "meshgate" not in network.vm_namespace.run("nft", "list", "tables")
    assert network.run("status", config=ours).returncode == 0
    assert landings(network) == CAPTURED
    assert network.run("uninstall").returncode == 0
    nothing_left(network)


def test_rules_go_from_one_back_end_to_the_other(network):
    network.install(CONFIGURATION)
    mine = network.engine
    network.engine = next(lines for lines in ENGINES.values() if lines != mine)
    path = network.config(CONFIGURATION)
    status = network.run("status", config=path)
    assert status.returncode == 2 and "not in the back end asked for" in status.stdout
    assert network.run("install", config=path).returncode == 0
    assert network.run("status", config=path).returncode == 0
    network.engine = mine
    assert "MESHGATE" not in "".join(network.vm_namespace.run(f"{program}-save")
                                     for program in programs(network))
    assert landings(network) == CAPTURED


def test_hostile_words_stay_words(network):
    """A prefix may hold anything printable but quotes, backslashes and dollar signs."""
    prefix = "-j ACCEPT; `id` *nat :X -"
    path = network.install(f"[redirect]\nlog_prefix = '{prefix}'\n")
    assert network.run("status", config=path).returncode == 0
    assert f'--log-prefix "{prefix}"' in network.rules()
    assert ":X" not in [line.split(" ")[0] for line in network.rules().splitlines()]


def test_without_privilege_nothing_is_done(network):
    done = network.run("install", config=network.config(CONFIGURATION), uid=n.APP)
    assert done.returncode == 77, done.stderr


# --- engine = "auto" -----------------------------------------------------------------------------


def on_another_kernel(network, name):
    """meshgate-redirect where the library NAME.c is preloaded."""
    library = network.folder / f"{name}.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, n.HERE / f"{name}.c", "-ldl"],
                       check=True)

    def run(*words, config=None):
        options = ["--config", config] if config else []
        return network.vm_namespace.try_run("env", f"LD_PRELOAD={library}", network.redirect,
                                            *words, *options)

    return run


@pytest.mark.parametrize("kernel, reason", [
    ("no_nf_tables", "has no nf_tables"), ("no_inet_nat", "NAT and redirect for inet")])
def test_auto_is_iptables_where_nftables_cannot(network, kernel, reason):
    network.engine = ""
    path = network.config(CONFIGURATION)
    run = on_another_kernel(network, kernel)
    done = run("install", config=path)
    assert done.returncode == 0, done.stderr
    assert reason in done.stderr and "through iptables" in done.stderr
    assert landings(network) == CAPTURED
    assert '"engine":"iptables"' in run("status", "--json", config=path).stdout
    assert run("status", config=path).returncode == 0
    assert run("diff", config=path).stdout == ""
    again = run("install", "--verbose", config=path)
    assert "already installed" in again.stderr
    # nftables, asked for, is refused there with the reason.
    network.engine = 'engine = "nftables"'
    refused = run("install", config=network.config(CONFIGURATION))
    assert refused.returncode == 1 and reason in refused.stderr
    assert run("uninstall").returncode == 0
    nothing_left(network)


def test_snapshot(network):
    """The routes, addresses and settings are those of before."""
    before = lifecycle.snapshot(network.vm_namespace)[3:]
    network.install(CONFIGURATION)
    assert network.run("uninstall").returncode == 0
    assert lifecycle.snapshot(network.vm_namespace)[3:] == before
