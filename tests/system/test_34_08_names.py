# SPDX-License-Identifier: Apache-2.0
"""A name with several addresses: those that refuse or are silent cost a moment, not the attempt."""
import contextlib
import socket

import pytest
from namespaces import command
from notifier import Notifier

pytestmark = pytest.mark.ours
HOSTS = "127.0.0.1 localhost\n::1 mixed.example\n127.0.0.1 mixed.example\n"


@pytest.fixture
def api(own_server, tmp_path):
    """A server with an /etc/hosts of its own; the address of IPv6 is tried first."""
    words, _ = command(tmp_path, network=False, hosts=HOSTS)
    return Notifier(own_server("--notify-allow=127.0.0.1 ::1", command=words))


@contextlib.contextmanager
def silent(host, port):
    """A listener whose queue is full does not answer a SYN."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket(socket.AF_INET6))
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind((host, port))
        full.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket(socket.AF_INET6))
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield


def deliver(api, sink):
    name = api.receiver(sink.url("/", host="mixed.example"), ladder="1h", timeoutMs=60_000)
    id = api.submit(name)
    api.wait(id, "delivered")
    [attempt] = api.attempts(id)
    assert attempt["errorClass"] == "none" and len(sink.got("/")) == 1
    return attempt["phases"]


def test_one_that_refuses(api, sink):
    deliver(api, sink)


def test_one_that_is_silent(api, receiver):
    sink = receiver()
    with silent("::1", sink.port):
        phases = deliver(api, sink)
    assert phases["connect"] >= 190_000  # the silent one has its head start


def test_all_that_refuse(api):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        id = api.submit(api.receiver(f"http://mixed.example:{closed.getsockname()[1]}/", ladder="1h"))
        [attempt] = api.wait_attempts(id, 1)
        assert attempt["errorClass"] == "connect" and "127.0.0.1" in attempt["error"], attempt
