# SPDX-License-Identifier: Apache-2.0
"""Clients that send a byte now and then keep nobody else waiting."""
import codec
from client import Client


def test_three_hundred_slow_senders(server, client, topic):
    client.made_topic(topic)
    frame = codec.encode(client.frame(codec.SEND_V2, client.send_ext(topic), b"slow"))
    slow = [Client(server.broker) for _ in range(300)]
    try:
        for at in range(0, 20):
            for one in slow:
                one.write(frame[at:at + 1])
            assert client.sent(topic, b"quick", queue=1)[1] == at
        for one in slow[:20]:
            one.write(frame[20:])
        assert len(client.read(topic, count=20)) == 20
        assert not slow[-1].is_closed
    finally:
        for one in slow:
            one.close()
