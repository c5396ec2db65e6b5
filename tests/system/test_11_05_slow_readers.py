# SPDX-License-Identifier: Apache-2.0
"""A client that asks and never reads costs its own connection, not the server's memory, not the others' time."""
import socket

import codec
import pytest
from client import Client

pytestmark = pytest.mark.ours


def test_answers_that_nobody_reads(server, client, topic):
    client.made_topic(topic, queues=1)
    for _ in range(4):
        client.sent(topic, b"x" * 250_000)
    before_kb = server.resident_kb()
    host, port = server.broker.rsplit(":", 1)
    deaf = [socket.create_connection((host, int(port))) for _ in range(4)]
    frame = codec.encode(client.frame(codec.PULL, client.pull_ext(topic)))
    try:
        for one in deaf:
            one.settimeout(5)
            try:
                for _ in range(1000):  # a thousand answers of 250 KB each
                    one.sendall(frame)
            except OSError:
                pass  # the server gave it up, or reads no more from it
        for _ in range(50):
            with Client(server.broker) as other:
                assert other.pull(topic).code == codec.OK
        assert server.resident_kb() - before_kb < 4 * 100 * 1024
    finally:
        for one in deaf:
            one.close()
