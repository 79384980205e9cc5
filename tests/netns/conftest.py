"""Fixtures. The network is built once; every test installs what it needs and finds the machine
clean."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))  # lab.py

import lab  # noqa: E402
import network as n  # noqa: E402

PROGRAMS = ("nsenter", "unshare", "setpriv", "ip", "ss", "nft", "iptables-nft", "iptables-legacy",
            "iptables-save", "ip6tables-save", "tcpdump", "conntrack", "sysctl")


def why_not():
    """Why these tests cannot run here; empty when they can."""
    if os.geteuid() != 0:
        return "needs root: it makes network namespaces"
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return f"missing: {', '.join(missing)}"
    trial = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True)
    if trial.returncode != 0:
        return f"no network namespace: {trial.stderr.strip()}"
    if not n.program().exists():
        return f"not built: {n.program()}"
    return ""


def pytest_collection_modifyitems(items):
    if reason := why_not():
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


class TestTooSlow(Exception):
    pass


@pytest.fixture(autouse=True)
def bounded():
    """No test of a hanging network hangs itself."""

    def too_slow(*_):
        raise TestTooSlow("the test took more than its limit")

    before = signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(1200 if os.environ.get("MESHGATE_FULL") else 150)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def shared_network():
    # So that the network is taken down, and no test after this one begins.
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))
    with lab.lab_folder() as folder:
        made = n.Network(folder)
        try:
            yield made.start()
        finally:
            made.close()
            signal.signal(signal.SIGTERM, before)


def pytest_generate_tests(metafunc):
    """Runs the tests of a module that has ENGINES with each of them, but those that are of
    nftables only. `backend`, where a test asks for one, is that of the rules of somebody else:
    any with nftables, where priorities say who is first, the engine's own with iptables."""
    engines = getattr(metafunc.module, "ENGINES", None)
    if not engines or "network" not in metafunc.fixturenames:
        return
    if any("engine" in str(marker.args[0]).split(", ")
           for marker in metafunc.definition.iter_markers("parametrize")):
        return
    if metafunc.definition.get_closest_marker("nftables_only"):
        engines = ["nftables"]
    if "backend" not in metafunc.fixturenames:
        metafunc.parametrize("engine", list(engines), indirect=True)
        return
    pairs = [(engine, backend) for engine in engines for backend in ("nft", "legacy")
             if engine in ("nftables", f"iptables-{backend}")]
    metafunc.parametrize("engine, backend", pairs, indirect=["engine"])


def pytest_configure(config):
    config.addinivalue_line("markers", "nftables_only: what iptables cannot do")


@pytest.fixture
def engine(request):
    return getattr(request, "param", "nftables")


@pytest.fixture
def network(shared_network, engine):
    shared_network.clean()
    shared_network.engine = n.ENGINES[engine]
    yield shared_network
    shared_network.engine = ""
    shared_network.clean()
