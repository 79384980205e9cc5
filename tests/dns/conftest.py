import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import server as s  # noqa: E402

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def folder():
    made = s.Folder()
    yield made.path
    made.close()


@pytest.fixture
def server(folder):
    """A server with its configuration written; start() starts it."""
    made = s.Server(folder)
    yield made
    made.close()


@pytest.fixture
def running(server):
    return server.start()


@pytest.fixture
def upstream():
    made = s.FakeUpstream()
    yield made
    made.close()


@pytest.fixture
def forwarding(server, upstream):
    """A server with one upstream, running."""
    server.upstreams = [upstream.endpoint]
    server.configure()
    return server.start()
