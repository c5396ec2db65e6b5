# SPDX-License-Identifier: Apache-2.0
"""Faults of peers: SIGTERM is not listened to (Convoy), work that is out is lost with the process (roncoo-pay, Vexa #520).
Ours stops in order under load, and everything is delivered after the start."""
import signal

import pytest
from client import wait_until
from notifier import ALLOW, Notifier
from receivers import hang, ok, slow
from test_36_02_jobs import fill

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_with_hanging_receivers(own_server, sink, with_signal):
    sink.on("/hang", hang())
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/hang"), timeoutMs=300_000)
    ids = [api.submit(name) for _ in range(10)]
    sink.wait(10, "/hang")
    server.stop(with_signal)  # checks the exit code
    sink.on("/hang", ok())
    server.start()
    for id in ids:
        api.wait(id, "delivered")


def test_under_load(own_server, sink):
    sink.on("/load", slow(0.01))
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/load"))
    fill(api, name, 2000)
    sink.wait(100, "/load")
    server.restart()
    wait_until(lambda: {one["state"] for one in api.list(receiver=name, limit=1000)} == {"delivered"}, 120)
    assert len({one.id for one in sink.got("/load")}) == 2000
