"""Two guards in one network namespace: the second is refused; where it does not see the first, both
back off and say who fights. And who holds the rules is told to whoever cannot change them."""

import json
import os
import re
import time

import lab
import network as n
import pytest
from guarding import Guard
from test_guard import CAPTURE, has_table

OTHER = n.DNS_ALL + "[redirect.outbound]\nexclude_ports = [3306]\n"
# As from another container that shares the network namespace and has a /proc of its own.
BLIND = ["unshare", "--mount", "sh", "-c",
         "mount -t tmpfs none /proc && exec \"$@\"", "blind"]


def cpu_s(process):
    fields = open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("hold", [True, False], ids=["held", "not-held"])
@pytest.mark.parametrize("text", [CAPTURE, OTHER], ids=["same", "other"])
def test_a_second_guard_is_told_of_the_first_and_changes_nothing(network, text, hold):
    with Guard(network, CAPTURE, hold) as guard:
        before = network.rules()
        done = network.run("guard", config=network.config(text))
        assert done.returncode == 1
        assert "another guard runs" in done.stderr
        assert f"process {guard.process.pid}" in done.stderr
        assert "install --config" in done.stderr and "systemctl stop" in done.stderr
        assert network.rules() == before
        assert guard.is_ready()


def test_of_two_that_start_at_once_one_stays(network):
    path = network.config(CAPTURE)
    both = [network.vm_namespace.start(network.redirect, "guard", "--config", path)
            for _ in range(2)]
    try:
        ended = lab.wait_until(lambda: [each for each in both if not each.running()], "a refusal")
        assert len(ended) == 1 and "another guard" in ended[0].output()
        lab.wait_until(lambda: network.run("status", config=path).returncode == 0, "the rules")
        assert len([each for each in both if each.running()]) == 1
    finally:
        for each in both:
            each.stop()


def test_a_guard_that_does_not_see_the_holder_gives_up_and_names_it(network):
    with Guard(network, CAPTURE) as guard:
        before = network.rules()
        done = network.vm_namespace.try_run(*BLIND, network.redirect, "guard", "--config",
                                            network.config(OTHER))
        assert done.returncode == 1, done.stderr
        assert "holds the rules" in done.stderr and "systemctl stop" in done.stderr, done.stderr
        assert network.rules() == before
        assert guard.is_ready()


def test_two_that_do_not_see_each_other_back_off_and_say_who_fights(network):
    blind = Guard(network, OTHER, hold=False, wrapper=BLIND)
    blind.socket = network.folder / "blind.sock"
    blind.path.write_text(blind.path.read_text().replace("guard.sock", "blind.sock"))
    with Guard(network, CAPTURE, hold=False) as guard:
        blind.process = network.vm_namespace.start(*BLIND, network.redirect, "guard", "--config",
                                                   blind.path)
        try:
            fight = "somebody does it again and again"
            for each, other in ((guard, blind), (blind, guard)):
                lab.wait_until(lambda: fight in each.process.output(), "who fights", 40)
                said = each.process.output()
                assert f"meshgate-redire (process {other.process.pid})" in said, said
                assert "a second guard? One of the two is to end" in said
            begun = time.monotonic()
            before = guard.process.output().count("repaired")
            lab.wait_until(lambda: guard.process.output().count("repaired") >= before + 2,
                           "two blows more")
            assert time.monotonic() - begun > 1  # it waits a second, then two, then four
            used = [cpu_s(each.process) for each in (guard, blind)]
            # Whole rules of one of them meanwhile.
            assert any(network.run("status", config=each.path).returncode == 0
                       for each in (guard, blind))
            repairs = [each.process.output().count("repaired") for each in (guard, blind)]
            assert all(each < 40 for each in repairs), repairs
            print(f"a fight: {repairs} repairs, {used} s of CPU")
        finally:
            blind.process.stop()
        lab.wait_until(lambda: network.run("status", config=guard.path).returncode == 0,
                       "the rules of who is left", 90)


def test_two_of_the_same_configuration_do_not_fight(network):
    blind = Guard(network, CAPTURE, hold=False, wrapper=BLIND)
    blind.socket = network.folder / "blind.sock"
    blind.path.write_text(blind.path.read_text().replace("guard.sock", "blind.sock"))
    with Guard(network, CAPTURE, hold=False) as guard:
        blind.process = network.vm_namespace.start(*BLIND, network.redirect, "guard", "--config",
                                                   blind.path)
        try:
            blind.process.wait_ready(blind.is_ready, "the other guard")
            for _ in range(3):
                network.vm_namespace.run("nft", "delete", "table", "inet", "meshgate")
                lab.wait_until(lambda: has_table(network) and network.run(
                    "status", config=guard.path).returncode == 0, "the repair")
            lab.wait_until(lambda: guard.is_ready() and blind.is_ready(), "both")
            for each in (guard, blind):
                assert "again and again" not in each.process.output()
        finally:
            blind.process.stop()


# --- who holds the rules ----------------------------------------------------------------------


def test_status_says_who_holds_the_rules(network):
    with Guard(network, CAPTURE) as guard:
        assert json.loads(network.run("status", "--json").stdout)["held_by"] == {
            "process": guard.process.pid}
        assert f"by the guard (process {guard.process.pid})" in network.run("status").stdout
        assert network.run("status", config=guard.path).returncode == 0
    assert json.loads(network.run("status", "--json").stdout)["held_by"] is None


def test_without_its_socket_the_holder_is_found_by_the_kernel(network):
    """Where the guard does not answer to who asks."""
    hide = ["strace", "-f", "-o", "/dev/null", "-e", "trace=connect", "-e",
            "inject=connect:error=ECONNREFUSED"]
    with Guard(network, CAPTURE) as guard:
        before = network.rules()
        pid = guard.process.pid

        def run(*words):
            return network.vm_namespace.try_run(*hide, network.redirect, *words)

        assert json.loads(run("status", "--json").stdout)["held_by"] == {"process": pid}
        other = network.config(OTHER)
        for words in (["install", "--config", other], ["uninstall"],
                      ["install", "--confirm", "60s", "--config", other]):
            done = run(*words)
            assert done.returncode == 1, (words, done.stderr)
            assert f"the guard (process {pid}) holds the rules" in done.stderr, done.stderr
            assert re.search(rf"kill {pid}\b", done.stderr)
            assert network.rules() == before
        done = network.vm_namespace.try_run(network.redirect, "uninstall", uid=n.APP)
        assert done.returncode == 77 and "run as root" in done.stderr
        assert network.run("status", config=guard.path).returncode == 0
