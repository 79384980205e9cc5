"""Elements of VIPs that get lost on the way to the kernel, and calls that fail once: the install
fails and says what it is, nothing is left behind, and what was in force is."""

import errno
import itertools
import os
import random
import subprocess

import faulting
import network as n
import pytest
from test_old_kernels import older
from test_vips import ALONE, config, install, service

FULL = bool(os.environ.get("MESHGATE_FULL"))
FAULTS = [("send", errno.ENOBUFS), ("receive", errno.ENOMEM), ("lost", errno.ENOBUFS), ("cut", 0),
          ("refuse", errno.ENOMEM)]
MAP = "vip_tcp4_endpoints"
SERVICES = "".join(service(f"s{number}", [f"{n.OUTSIDE}:{port}" for port in (9001, 9002)])
                   for number in range(3))
OTHER_RULES = SERVICES + service("other", ["192.0.2.1:80"], balance="client-hash")
STRIDE = 5  # of the calls that fail by default; another one first each time


@pytest.fixture
def losing(network):
    """meshgate-redirect, of which a message with elements gets lost in each transaction."""
    library = network.folder / "lost_elements.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, n.HERE / "lost_elements.c", "-ldl"],
                       check=True)

    def run(*words):
        return network.vm_namespace.try_run("env", f"LD_PRELOAD={library}",
                                            f"LOST_ELEMENTS_OF={MAP}", network.redirect, *words)

    return run


def write(network, services):
    state = network.folder / f"{os.urandom(4).hex()}.vips"
    return network.config(config(services).replace("{state}", str(state)), base=ALONE)


def tables(network):
    return network.vm_namespace.run("nft", "list", "tables").split("\n")


def dormant(network):
    return [each for each in network.vm_namespace.run("nft", "list", "ruleset").split("\n")
            if "flags dormant" in each]


def test_an_install_that_loses_elements_says_so_and_leaves_nothing(network, losing):
    before = tables(network)
    done = losing("install", "--config", write(network, SERVICES))
    assert done.returncode == 1
    assert f"map {MAP}" in done.stderr and "0 elements instead of 6" in done.stderr, done.stderr
    # It is no reason to take iptables instead, nor to say that iptables cannot do it.
    assert "iptables" not in done.stderr, done.stderr
    assert tables(network) == before


def test_rules_in_force_stay_when_the_next_lose_elements(network, losing):
    install(network, SERVICES)
    before = network.vm_namespace.run("nft", "list", "ruleset")
    done = losing("install", "--config", write(network, OTHER_RULES))
    assert done.returncode == 1 and f"map {MAP}" in done.stderr, done.stderr
    assert network.vm_namespace.run("nft", "list", "ruleset") == before


def test_what_nftables_cannot_do_for_vips_is_said(network):
    """It was hidden: iptables was turned to, which cannot have VIPs at all."""
    kernel = older(network, "no_statement", WITHOUT="numgen")
    done = network.vm_namespace.try_run(*kernel, network.redirect, "install", "--config",
                                        write(network, SERVICES))
    assert done.returncode == 1
    assert "numgen random mod" in done.stderr and "No such file" in done.stderr, done.stderr
    assert "iptables" not in done.stderr, done.stderr
    assert dormant(network) == [] and "inet meshgate" not in "".join(tables(network))


@pytest.mark.parametrize("is_installed", [False, True], ids=["first", "next"])
@pytest.mark.parametrize("fault", FAULTS, ids=[kind for kind, _ in FAULTS])
def test_an_install_of_vips_that_fails_leaves_nothing_that_sleeps(network, fault, is_installed):
    faults = faulting.Faults(network.folder)
    before, path = write(network, OTHER_RULES), write(network, SERVICES)
    kind, error = fault
    tried = 0
    for number in itertools.count(1 if FULL else random.randint(1, STRIDE), 1 if FULL else STRIDE):
        done = network.run("install", config=before) if is_installed else network.run("uninstall")
        assert done.returncode == 0, done.stderr
        faults.arm(kind, number, error)
        done = network.vm_namespace.try_run(*faults.wrapper, network.redirect, "install",
                                            "--config", path)
        faults.disarm()
        if not faults.failed():
            break
        tried += 1
        assert dormant(network) == [], (number, done.stderr)
        if is_installed:
            assert "vip_tcp4_endpoints {" in network.vm_namespace.run("nft", "list", "ruleset"), number
        assert done.returncode == 0 or "error:" in done.stderr, number
    assert tried > 3
