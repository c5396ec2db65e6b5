# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: the server answers what it took, lets held pulls go, and ends with 0 whoever is connected."""
import signal
import threading

import codec
import pytest
from client import Client, wait_until

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_with_everything_going_on(own_server, connect, with_signal):
    server = own_server()
    waiting = [connect(server.broker) for _ in range(10)]
    connect(server.broker).made_topic("t")
    for one in waiting:
        one.begin_pull("t")
        one.beat("c", "g", ["t"])
    acknowledged = []

    def produce():
        try:
            with Client(server.broker) as client:
                while True:
                    answer = client.send("t", f"{len(acknowledged)}".encode(), queue=1)
                    if answer.code == codec.OK:
                        acknowledged.append((int(answer.ext["queueOffset"]), f"{len(acknowledged)}".encode()))
        except OSError:
            return

    thread = threading.Thread(target=produce)
    thread.start()
    wait_until(lambda: len(acknowledged) >= 200, what="a load")
    server.stop(with_signal)
    thread.join()
    server.start()
    with Client(server.broker) as client:
        found = [(m.offset, m.body) for m in client.read("t", queue=1)]
        assert found[:len(acknowledged)] == acknowledged


def test_twice(own_server):
    server = own_server()
    server.stop()
    server.start()
    server.stop()
