# SPDX-License-Identifier: Apache-2.0
"""Frames may arrive byte by byte or many in one piece."""
import codec


def test_byte_by_byte(client, topic):
    client.made_topic(topic)
    frame = client.frame(codec.SEND_V2, client.send_ext(topic), b"in pieces")
    client.expect(frame.opaque)
    for byte in codec.encode(frame):
        client.write(bytes([byte]))
    assert client.finish(frame.opaque).code == codec.OK
    assert client.next(topic).body == b"in pieces"


def test_many_in_one_piece(client, topic):
    client.made_topic(topic)
    frames = [client.frame(codec.SEND_V2, client.send_ext(topic), f"{i}".encode()) for i in range(100)]
    client.expect(*(frame.opaque for frame in frames))
    client.write(b"".join(codec.encode(frame) for frame in frames))
    assert all(client.finish(frame.opaque).code == codec.OK for frame in frames)
    assert len(client.read(topic, count=100)) == 100


def test_cut_inside_the_lengths(client, topic):
    client.made_topic(topic)
    data = b""
    opaques = []
    for _ in range(20):
        frame = client.frame(codec.MAX_OFFSET, {"topic": topic, "queueId": "0"})
        client.expect(frame.opaque)
        opaques.append(frame.opaque)
        data += codec.encode(frame)
    for at in range(0, len(data), 7):
        client.write(data[at:at + 7])
    assert all(client.finish(opaque).code == codec.OK for opaque in opaques)
