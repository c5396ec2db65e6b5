# SPDX-License-Identifier: Apache-2.0
"""A log of many files is read as one, before and after a restart."""
import pytest
from client import Client
from logfiles import files

pytestmark = pytest.mark.ours


def test_across_files(own_server):
    server = own_server("--segment-size", "1M", "--max-message-size", "256K")
    with Client(server.broker) as client:
        for i in range(120):
            client.sent("t", f"{i:06}".encode() * 10000, queue=i % 4)
        assert len(files(server.data)) >= 6
    for kill9 in (False, True):
        server.restart(kill9=kill9)
        with Client(server.broker) as client:
            for queue in range(4):
                assert [int(m.body[:6]) for m in client.read("t", queue=queue)] == list(range(queue, 120, 4))


def test_largest_message_in_smallest_file(own_server):
    server = own_server("--segment-size", "1M", "--max-message-size", "512K")
    with Client(server.broker) as client:
        for i in range(8):
            client.sent("t", bytes([i]) * 512 * 1024)
        found = client.read("t")
        assert [m.body for m in found] == [bytes([i]) * 512 * 1024 for i in range(8)]
