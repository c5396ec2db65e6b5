# SPDX-License-Identifier: Apache-2.0
"""Two thousand delayed messages: each delivered once, none early, offsets without gap."""
import concurrent.futures
import time

import codec
import pytest

pytestmark = pytest.mark.ours


def test_two_thousand(client, topic):
    client.made_topic(topic, queues=4)
    due_ms, asked = {}, []
    start_ms = int(time.time() * 1000) + 1500
    for i in range(2000):
        due_ms[i] = start_ms + i * 7 % 2000
        ext = client.send_ext(topic, i % 4, {"TIMER_DELIVER_MS": str(due_ms[i])})
        asked.append(client.begin(codec.SEND_V2, ext, f"{i}".encode()))
    assert all(client.finish(opaque).code == codec.OK for opaque in asked)
    seen = []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda queue: client.arrivals(topic, 500, queue), range(4)):
            assert [message.offset for message, _ in found] == list(range(500))
            assert all(arrived_ms >= due_ms[int(message.body)] for message, arrived_ms in found)
            seen += [int(message.body) for message, _ in found]
    assert sorted(seen) == list(range(2000))
