# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests: black box, against the real program.

`server` is shared by the tests of one file and started with the file's FLAGS; `own_server` makes servers for one
test, which may kill and restart them. At the end each server must stop with exit code 0 on SIGTERM and must not
have printed any report of a sanitizer or an assertion.

TIDINGS_BIN names the program. TIDINGS_SYSTEM_TARGET=NAMESRV,BROKER runs the tests that describe plain RocketMQ
behaviour against a broker that already runs; tests marked `ours` are then left out. Tests marked `slow` take more
than 20 s, most of them waiting for a time-out: -m "not slow" leaves them out.
"""
import contextlib
import itertools
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from client import Client  # noqa: E402
from databases import Postgres  # noqa: E402
from notifier import Notifier  # noqa: E402
from receivers import Receiver  # noqa: E402
from server import Elsewhere, Server  # noqa: E402

TARGET = os.environ.get("TIDINGS_SYSTEM_TARGET")
RUN = secrets.token_hex(3)
numbers = itertools.count(1)


def pytest_configure(config):
    config.addinivalue_line("markers", "ours: behaviour of Tidings that RocketMQ 4.9 does not have")
    config.addinivalue_line("markers", "slow: takes more than 20 s")


def pytest_collection_modifyitems(config, items):
    if TARGET is not None:
        ours = [item for item in items if item.get_closest_marker("ours") or "own_server" in item.fixturenames]
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]
    slow_files = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow_files)  # they wait while the others work


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """-n N shares out whole files, in order: one server for each file, and no two files of `slow` behind each other."""
    from xdist.scheduler import LoadFileScheduling  # only there when -n is
    return LoadFileScheduling(config, log)


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    if TARGET is not None:
        yield Elsewhere(TARGET)
        return
    made = Server(tmp_path_factory.mktemp("server") / "data", getattr(request.module, "FLAGS", ()))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def own_server(tmp_path):
    """own_server(*flags, name=…) starts a server; what still runs at the end is stopped and checked."""
    made = []

    def make(*flags, name="data", **options):
        made.append(Server(tmp_path / name, flags, **options))
        return made[-1].start()

    yield make
    for one in made:
        if one.is_running:
            one.stop()
        one.check_stderr()


@pytest.fixture(scope="module")
def module_server(tmp_path_factory):
    """module_server(*flags) starts a server for the tests of one file that need its flags made first."""
    made = []

    def make(*flags):
        made.append(Server(tmp_path_factory.mktemp("server") / "data", flags))
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="session")
def postgres():
    made = Postgres()
    yield made
    made.close()


@pytest.fixture
def database(postgres):
    """A new database on PostgreSQL."""
    made = postgres.new()
    yield made
    made.drop()


@pytest.fixture(scope="module")
def module_database(postgres):
    made = postgres.new()
    yield made
    made.drop()


@pytest.fixture
def small_disk(tmp_path):
    """small_disk(flags, size_mb) starts a server in a file system of that size, which goes with the test."""
    assert os.geteuid() == 0, "this test mounts a small file system: run it as root"
    mount, made = tmp_path / "small", []

    def make(flags, size_mb):
        mount.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(mount)], check=True)
        made.append(Server(mount / "data", flags))
        return made[0].start()

    try:
        yield make
        if made[0].is_running:
            made[0].stop()
        made[0].check_stderr()
    finally:
        if made and made[0].is_running:
            made[0].kill9()
        subprocess.run(["umount", str(mount)], check=True)


@pytest.fixture
def connect():
    """connect(address, …) opens a connection that is closed at the end of the test."""
    made = []

    def open_one(address, **options):
        made.append(Client(address, **options))
        return made[-1]

    yield open_one
    for one in made:
        one.close()


@pytest.fixture
def client(server, connect):
    return connect(server.broker)


@pytest.fixture
def names(server, connect):
    """A connection to the name server port."""
    return connect(server.namesrv)


@pytest.fixture
def notifier(server):
    """The HTTP API of the file's server."""
    return Notifier(server)


@pytest.fixture
def sink():
    """A receiver that answers 200 unless a test tells it otherwise."""
    with Receiver() as made:
        yield made


@pytest.fixture
def receiver():
    """receiver(…) makes further ones, closed at the end of the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *words, **more: stack.enter_context(Receiver(*words, **more))


def unique(kind):
    return f"{kind}_{RUN}_{next(numbers)}"


@pytest.fixture
def topic():
    return unique("topic")


@pytest.fixture
def group():
    return unique("group")


@pytest.fixture
def new_name():
    """new_name("topic") → a name that no other test uses"""
    return unique
