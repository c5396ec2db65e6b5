# SPDX-License-Identifier: Apache-2.0
"""--retention-time: files older than that go, what is younger stays."""
import codec
import pytest
from client import Client, wait_until

pytestmark = pytest.mark.ours


def test_old_ones_go(own_server):
    server = own_server("--segment-size", "1M", "--max-message-size", "256K", "--retention-time", "3s")
    with Client(server.broker) as client:
        client.made_topic("t", queues=1)
        client.sent("t", b"first")
        sent = 1

        def gone():
            nonlocal sent
            client.send_batch("t", [(b"x" * 5000, {})] * 20)
            sent += 20
            return client.min_offset("t") > 0

        wait_until(gone, 240, "retention")
        least = client.min_offset("t")
        assert 0 < least < sent
        assert client.pull("t", 0).code == codec.PULL_MOVED
        assert client.next("t", sent - 1).offset == sent - 1  # the newest is there
        assert server.data.exists()
    server.restart(kill9=True)
    with Client(server.broker) as client:
        assert client.sent("t", b"next")[1] == sent


def test_young_ones_stay(own_server):
    server = own_server("--segment-size", "1M", "--max-message-size", "256K", "--retention-time", "1h")
    with Client(server.broker) as client:
        client.made_topic("t", queues=1)
        for _ in range(20):
            client.send_batch("t", [(b"x" * 5000, {})] * 20)
    server.restart()
    with Client(server.broker) as client:
        assert client.min_offset("t") == 0
        assert len(client.read("t")) == 400
