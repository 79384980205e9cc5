"""Each run of iptables' programs by install, uninstall and install --confirm goes wrong once: the
next try ends it, and what was to come back comes back."""

import itertools
import os
import random

import network as n
import pytest
from iptables_faults import HOW, IptablesFaults
from test_confirm import NEW, PREVIOUS, state, wait_for_watchers, watchers

ENGINES = {name: lines for name, lines in n.ENGINES.items() if lines}
FULL = bool(os.environ.get("MESHGATE_FULL"))
EVERY_WAY = pytest.mark.parametrize("how", HOW)


@pytest.fixture
def faults(network):
    made = IptablesFaults(network.folder)
    yield made
    made.disarm()


def until_none_fails(faults, how, attempt, stride=5):
    """attempt(number) with each run going wrong in turn; by default every few, from another one
    each time."""
    stride = 1 if FULL else stride
    first = random.randint(1, stride)
    for number in itertools.count(first, stride):
        faults.arm(number, how)
        attempt(number)
        if not faults.failed():
            faults.disarm()
            assert number > 8
            return


def run(network, faults, *words, config=None):
    options = ["--config", config] if config else []
    done = network.vm_namespace.try_run(*faults.wrapper, network.redirect, *words, *options)
    assert done.returncode in (0, 1) and (done.returncode == 0 or "error:" in done.stderr), done
    return done.returncode == 0


@EVERY_WAY
def test_an_install_that_fails_leaves_what_was_there(network, faults, how):
    network.install(PREVIOUS)
    before, old, new = state(network), network.latest, network.config(NEW)

    def attempt(number):
        went_well = run(network, faults, "install", config=new)
        armed = faults.order.read_text()
        faults.disarm()
        is_new = network.run("status", config=new).returncode == 0
        assert is_new or (not went_well and state(network) == before), (number, how)
        assert network.run("install", config=old).returncode == 0, number
        faults.order.write_text(armed)

    until_none_fails(faults, how, attempt)
    assert state(network) == before


@EVERY_WAY
def test_an_uninstall_that_fails_is_ended_by_the_next(network, faults, how):
    nothing = state(network)

    def attempt(number):
        path = network.install(NEW)
        run(network, faults, "uninstall")
        armed = faults.order.read_text()
        faults.disarm()
        assert network.run("uninstall").returncode == 0, number
        assert network.run("status", config=path).returncode == 3, number
        faults.order.write_text(armed)

    until_none_fails(faults, how, attempt)
    left = state(network)
    assert (left[0], left[-1]) == (nothing[0], nothing[-1])


@EVERY_WAY
def test_an_install_to_be_confirmed_is_whole_or_taken_back(network, faults, how):
    """Whoever of the two processes it was: a run that goes wrong is one of both."""
    network.install(PREVIOUS)
    before, path = state(network), network.config(NEW)

    def attempt(number):
        went_well = run(network, faults, "install", "--confirm", "60s", config=path)
        if went_well:
            done = network.run("confirm", "--undo")
            assert done.returncode == 0, (number, done.stderr)
        assert not watchers(network)
        wait_for_watchers(network)
        armed = faults.order.read_text()
        faults.disarm()
        assert state(network) == before, (number, how)
        faults.order.write_text(armed)

    until_none_fails(faults, how, attempt)
