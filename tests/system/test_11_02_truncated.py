# SPDX-License-Identifier: Apache-2.0
"""Connections that end in the middle of a frame leave nothing behind."""
from pathlib import Path

import codec
import pytest
from client import Client, wait_until


def open_files(server):
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


@pytest.mark.ours
def test_every_length_of_a_frame(server, client, topic):
    client.made_topic(topic)
    frame = codec.encode(client.frame(codec.SEND_V2, client.send_ext(topic), b"never whole"))
    before = open_files(server)
    for length in range(1, len(frame)):
        with Client(server.broker) as bad:
            bad.write(frame[:length])
    assert client.max_offset(topic) == 0
    assert client.sent(topic, b"whole")[1] == 0
    wait_until(lambda: open_files(server) <= before + 2, what="sockets freed")


def test_two_halves_on_two_connections(server, connect, client, topic):
    client.made_topic(topic)
    first, second = connect(server.broker), connect(server.broker)
    frame = codec.encode(first.frame(codec.SEND_V2, first.send_ext(topic), b"x" * 1000))
    first.write(frame[:500])
    second.write(frame[500:])
    assert client.beat("somebody else").code == codec.OK
    assert client.max_offset(topic) == 0
