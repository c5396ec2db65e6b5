# SPDX-License-Identifier: Apache-2.0
"""A frame of 16 MiB is read; a larger one ends the connection before it is sent."""
import struct

import codec
import pytest


def test_largest_frame_is_answered(client, topic):
    """Its body is over the limit of a message: refused by answer, not by closing."""
    client.made_topic(topic)
    frame = client.frame(codec.SEND_V2, client.send_ext(topic), b"")
    room = codec.FRAME_MAX - len(codec.encode(frame))
    frame.body = b"x" * (room - 4)
    client.expect(frame.opaque)
    client.write(codec.encode(frame))
    assert client.finish(frame.opaque).code == codec.ILLEGAL
    assert client.send(topic).code == codec.OK


def test_one_byte_more(server, connect, client):
    bad = connect(server.broker)
    bad.write(struct.pack(">i", codec.FRAME_MAX + 1))
    bad.write(b"x" * 1000)
    assert bad.wait_closed()
    assert client.beat("somebody else").code == codec.OK


@pytest.mark.ours
def test_huge_header(server, connect, client):
    bad = connect(server.broker)
    bad.write(codec.frame_of(b'{"code":34,"extFields":{"a":"' + b"x" * 10_000_000 + b'"}}'))
    assert bad.wait_closed()
    assert client.beat("somebody else").code == codec.OK
