# SPDX-License-Identifier: Apache-2.0
"""A frame must end in time: one byte a second would keep an idle time-out at bay for ever."""
import struct
import threading

import codec
import pytest

pytestmark = [pytest.mark.ours, pytest.mark.slow]


def test_a_frame_that_never_ends_is_given_up(server, connect, client):
    slow = connect(server.broker)
    stop = threading.Event()

    def trickle():
        try:
            slow.write(struct.pack(">i", 10_000))
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
