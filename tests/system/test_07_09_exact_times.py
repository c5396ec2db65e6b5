# SPDX-License-Identifier: Apache-2.0
"""A thousand messages on the ladder at once: none early, none lost, none twice, in the order of their times."""
import time

import codec
import pytest

FLAGS = ("--retry-ladder", "1500ms")
pytestmark = pytest.mark.ours


def test_a_thousand_on_the_ladder(client, topic, group):
    client.made_topic(topic, queues=1)
    client.send_batch(topic, [(f"{i}".encode(), {}) for i in range(1000)])
    given_ms = {}
    for message in client.read(topic, count=1000):
        given_ms[int(message.body)] = int(time.time() * 1000)
        assert client.send_back(message, group).code == codec.OK
    found = client.arrivals(f"%RETRY%{group}", 1000)
    assert sorted(int(message.body) for message, _ in found) == list(range(1000))
    for message, arrived_ms in found:
        assert arrived_ms >= given_ms[int(message.body)] + 1498
    assert [message.offset for message, _ in found] == list(range(1000))


def test_group_ladder_to_the_millisecond(client, topic, group):
    client.update_group(group, retryLadder="1234ms")
    client.sent(topic)
    message = client.next(topic)
    before_ms = time.time() * 1000
    client.send_back(message, group)
    client.next(f"%RETRY%{group}")
    assert time.time() * 1000 >= before_ms + 1233
