# SPDX-License-Identifier: Apache-2.0
"""Bytes that are no frame end their connection, and nothing else."""
import random
import struct

import codec
import pytest
from client import Client

LENGTH_ONLY = struct.pack(">i", 20)


@pytest.mark.parametrize("garbage", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 600,  # TLS
    b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n\r\n",
    b"\xff" * 200,
    struct.pack(">i", codec.FRAME_MAX + 1) + b"x" * 100,
    struct.pack(">i", 2 ** 31 - 1) + b"x" * 100,
    struct.pack(">i", -1) + b"x" * 100,
    struct.pack(">iI", 12, 0xFFFFFF) + b"x" * 8,  # header longer than its frame
    struct.pack(">iI", 20, 16) + b"{not json at all",
    struct.pack(">iI", 4, 0),  # no header at all
    struct.pack(">iI", 20, 16 | 1 << 24) + b"\xff" * 16,  # binary header full of wrong lengths
], ids=range(11))
@pytest.mark.ours  # RocketMQ leaves some of these connections open
def test_connection_is_ended(server, connect, client, garbage):
    bad = connect(server.broker)
    bad.write(garbage)
    assert bad.wait_closed()
    assert client.beat("somebody else").code == codec.OK


@pytest.mark.parametrize("port", ["namesrv", "broker", "vip"])
def test_every_port_survives_noise(server, client, port):
    rng = random.Random(4711)
    for size in (1, 3, 4, 5, 8, 100, 5000, 70000):
        with Client(getattr(server, port)) as bad:
            try:
                bad.write(rng.randbytes(size))
            except OSError:
                pass  # already refused
    assert client.beat("somebody else").code == codec.OK


@pytest.mark.ours
def test_requests_before_the_garbage_are_done(server, connect, client, topic):
    client.made_topic(topic)
    bad = connect(server.broker)
    opaques = [bad.begin(codec.SEND_V2, bad.send_ext(topic), b"good") for _ in range(5)]
    bad.write(b"\xff" * 100)
    assert bad.wait_closed()
    assert client.max_offset(topic) <= len(opaques)
    for message in client.read(topic):
        assert message.body == b"good"
