"""Fixtures. A mesh is shared by the tests that leave it as they found it; the others make their
own with `new_mesh`."""

import contextlib
import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import envoy  # noqa: E402
import lab  # noqa: E402
import mesh as mesh_module  # noqa: E402

PROGRAMS = ("nsenter", "unshare", "setpriv", "ip", "ss", "nft", "iptables-save", "curl", "dig",
            "tcpdump", "dnsmasq")


@pytest.fixture(scope="session", autouse=True)
def machine():
    """What every test here needs; without it a run is a failure, not a silent skip."""
    assert os.geteuid() == 0, "these tests make network namespaces: run them as root"
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    assert not missing, f"missing: {', '.join(missing)} (tests/run.sh installs them)"


@pytest.fixture(scope="session")
def envoy_binary():
    """The real Envoy, copied to where the proxy's user can run it."""
    source = envoy.program()
    assert source, "no Envoy: tests/run.sh installs it, or set MESHGATE_ENVOY"
    with lab.lab_folder() as folder:
        yield lab.publish(source, folder)


@pytest.fixture(scope="session")
def make_mesh(envoy_binary):
    """make_mesh(...) -> context manager of an unstarted Mesh."""

    @contextlib.contextmanager
    def make(**variation):
        with lab.lab_folder() as folder:
            made = mesh_module.Mesh(folder, envoy_binary, **variation)
            try:
                yield made
            finally:
                made.close()

    return make


@pytest.fixture(scope="session")
def meshes(make_mesh):
    """meshes(variation) -> the running mesh of that variation, one for the whole session."""
    with contextlib.ExitStack() as stack:
        running = {}

        def get(**variation):
            key = tuple(sorted(variation.items()))
            if key not in running:
                running[key] = stack.enter_context(make_mesh(**variation)).start()
            return running[key]

        yield get


@pytest.fixture
def mesh(meshes):
    """The ordinary mesh, running. Leave it as you found it."""
    return meshes()


@pytest.fixture(params=[True, False], ids=["default-route", "no-default-route"])
def routed(request):
    return request.param


@pytest.fixture
def new_mesh(make_mesh):
    """new_mesh(...) -> an unstarted mesh of this test's own."""
    with contextlib.ExitStack() as stack:
        yield lambda **variation: stack.enter_context(make_mesh(**variation))
