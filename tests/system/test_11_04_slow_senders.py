# SPDX-License-Identifier: Apache-2.0
"""Clients that send a byte now and then keep nobody else waiting."""
import threading

import codec
import pytest
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


@pytest.mark.ours
@pytest.mark.slow
def test_a_frame_that_never_ends_is_given_up(server, connect, client):
    """One byte a second would keep an idle time-out at bay for ever."""
    slow = connect(server.broker)
    stop = threading.Event()

    def trickle():
        try:
            slow.write(codec.struct.pack(">i", 10_000))
            while not stop.wait(1):
                slow.write(b"x")
        except OSError:
            return

    thread = threading.Thread(target=trickle)
    thread.start()
    closed = slow.wait_closed(90)
    stop.set()
    thread.join()
    assert closed
    assert client.beat("somebody else").code == codec.OK
