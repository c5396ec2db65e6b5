# SPDX-License-Identifier: Apache-2.0
"""Many who send large frames and do not finish them: their memory together is bounded, and others are served.

256 MiB of incomplete frames (IN_TOTAL in src/app/serve.c) are kept; beyond it who has sent more than 64 KiB of one is
not read from, but for the one that lacks least, and who goes silent for 5 s is closed.
"""
import re
import socket
import struct
import threading
import time
import urllib.request

import codec
import pytest
import server as servers
from client import Client, wait_until

pytestmark = pytest.mark.ours
SYSTEM_BUSY = 2
CROWD, SENT = 60, 15 << 20
TOTAL_KB = 256 * 1024


def incomplete_kb(server):
    with urllib.request.urlopen(f"http://{server.http}/metrics", timeout=60) as page:
        return int(re.search(r"^tidings_network_incomplete_bytes (\d+)$", page.read().decode(), re.M)[1]) // 1024


def start_frame(server):
    """Sends most of a frame of 16 MiB; the kernel takes what the server does not read, until it is full."""
    host, port = server.broker.rsplit(":", 1)
    one = socket.create_connection((host, int(port)), timeout=60)
    one.settimeout(0.5)  # without a byte that goes
    left = memoryview(struct.pack(">iI", (16 << 20) - 8, 1000) + bytes(SENT))
    try:
        while left:
            left = left[one.send(left):]
    except TimeoutError:
        pass
    return one


def test_unfinished_frames(own_server):
    server = own_server()
    before_kb = server.resident_kb()
    crowd, seen_kb = [], []
    try:
        for _ in range(CROWD):
            crowd.append(start_frame(server))
            seen_kb.append(incomplete_kb(server))
        bound_kb = TOTAL_KB + 2 * 16 * 1024 + CROWD * 256  # the favourite, one that grew last, and a read for each
        assert TOTAL_KB // 2 < max(seen_kb) < bound_kb, seen_kb
        assert servers.IS_SANITIZED or server.resident_kb() - before_kb < bound_kb + 8 * 1024
        with Client(server.broker) as client:
            for body in (b"small", b"x" * 1_000_000, b"x" * 4_000_000):
                offset = client.sent("t", body)[1]
                assert client.next("t", offset).body == body
    finally:
        for one in crowd:
            one.close()
    wait_until(lambda: incomplete_kb(server) < 1024)


def test_many_large_messages_at_once(own_server):
    """More than fit at once: all are answered, if only with "busy" for lack of room before the log."""
    server = own_server()
    body = b"y" * 3_900_000
    answers, holding = [], []

    def send(number):
        with Client(server.broker) as client:
            frame = codec.encode(client.frame(codec.SEND_V2, client.send_ext("t", queue=number % 4), body, opaque=1))
            client.expect(1)
            at = len(frame) - 100_000
            client.write(frame[:at])
            holding.append(number)
            until = time.monotonic() + 120
            while len(holding) < 120 and time.monotonic() < until:  # all hold most of a frame before the first is finished
                time.sleep(0.5)
                client.write(frame[at:at + 1])  # who goes silent meanwhile would be closed
                at += 1
            client.write(frame[at:])
            answers.append(client.finish(1).code)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(120)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(answers) == 120 and set(answers) <= {codec.OK, SYSTEM_BUSY}
