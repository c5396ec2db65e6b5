# SPDX-License-Identifier: Apache-2.0
"""A client that asks and never reads costs its own connection, not the server's memory, not the others' time."""
import collections
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


def test_every_answer_comes_to_who_reads_late(server, client, topic):
    """A hundred megabytes of answers, asked for at once: the server waits with the requests, not with memory."""
    client.made_topic(topic, queues=1)
    client.sent(topic, b"x" * 250_000)
    before_kb = server.resident_kb()
    host, port = server.broker.rsplit(":", 1)
    frames = [client.frame(codec.PULL, client.pull_ext(topic)) for _ in range(400)]
    with socket.create_connection((host, int(port)), timeout=60) as late:
        late.sendall(b"".join(codec.encode(frame) for frame in frames))
        with Client(server.broker) as other:
            for _ in range(20):
                assert other.pull(topic).code == codec.OK
        assert server.resident_kb() - before_kb < 40 * 1024
        with late.makefile("rb") as stream:
            for frame in frames:
                size = int.from_bytes(stream.read(4), "big")
                answer = codec.decode(stream.read(size))
                assert (answer.code, answer.opaque) == (codec.OK, frame.opaque)
                assert len(codec.decode_messages(answer.body)) == 1


def test_many_held_pulls_of_a_slow_reader(server, client, topic):
    """They are all answered, whether he reads or not: with the message, or by being told to ask again."""
    client.made_topic(topic, queues=1)
    host, port = server.broker.rsplit(":", 1)
    frames = [client.frame(codec.PULL, client.pull_ext(topic, hold_ms=600_000)) for _ in range(400)]
    last = client.frame(codec.MAX_OFFSET, {"topic": topic, "queueId": "0"})
    with socket.create_connection((host, int(port)), timeout=60) as late, late.makefile("rb") as stream:
        def answer():
            return codec.decode(stream.read(int.from_bytes(stream.read(4), "big")))

        late.sendall(b"".join(codec.encode(frame) for frame in (*frames, last)))
        assert answer().opaque == last.opaque  # now all pulls are held
        client.sent(topic, b"x" * 250_000)
        codes = collections.Counter(answer().code for _ in frames)
    assert codes[codec.OK] > 0 and codes[codec.OK] + codes[codec.PULL_AGAIN] == 400
