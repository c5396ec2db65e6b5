# SPDX-License-Identifier: Apache-2.0
import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from remoting import Client  # noqa: E402
from server import Server  # noqa: E402

FAST = ("--retry-ladder", "200ms 400ms 600ms", "--message-delay-level", "300ms 600ms 1s")
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """One server for all tests that do not disturb each other."""
    server = Server(tmp_path_factory.mktemp("shared") / "data", *FAST)
    yield server
    server.stop()


@pytest.fixture
def client(shared):
    connection = Client(shared.broker)
    yield connection
    connection.close()


@pytest.fixture
def topic():
    return f"topic_{next(numbers)}"


@pytest.fixture
def group():
    return f"group_{next(numbers)}"


@pytest.fixture
def make_server(tmp_path):
    """Makes servers of a test's own; those still running are stopped at its end."""
    made = []

    def make(*flags, name="data", **options):
        server = Server(tmp_path / name, *flags, **options)
        made.append(server)
        return server

    yield make
    for server in made:
        if server.process.poll() is None:
            server.stop()
