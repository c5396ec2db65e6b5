# SPDX-License-Identifier: Apache-2.0
"""Frames with the answer bit, which nobody asked for, are passed over."""
import codec


def test_unasked_answers(client, topic):
    client.made_topic(topic)
    for code in (codec.OK, codec.SEND_V2, codec.HEARTBEAT, 9999):
        client.write(codec.encode(client.frame(code, {}, b"unasked", codec.FLAG_ANSWER)))
    assert client.send(topic).code == codec.OK
    assert not client.strays


def test_flags_that_do_not_exist(client, topic):
    client.made_topic(topic)
    frame = client.frame(codec.SEND_V2, client.send_ext(topic), b"x", flag=0x7FFFFFFC)
    client.expect(frame.opaque)
    client.write(codec.encode(frame))
    assert client.finish(frame.opaque).code == codec.OK
