# SPDX-License-Identifier: Apache-2.0
"""Offsets outside of the queue are answered 21 with where to go on."""
import codec
import pytest


def test_beyond_the_end(client, topic):
    for _ in range(3):
        client.sent(topic)
    client.read(topic, count=3)
    for offset in (4, 100, 2 ** 62):
        answer = client.pull(topic, offset=offset)
        assert (answer.code, answer.ext["nextBeginOffset"]) == (codec.PULL_MOVED, "3")


def test_beyond_the_end_is_not_held(client, topic):
    client.sent(topic)
    client.next(topic)
    assert client.pull(topic, offset=7, hold_ms=15000).code == codec.PULL_MOVED


def test_empty_queue(client, topic):
    client.made_topic(topic)
    answer = client.pull(topic, offset=5)
    assert (answer.code, answer.ext["nextBeginOffset"]) == (codec.PULL_MOVED, "0")


@pytest.mark.parametrize("offset", [-1, -2 ** 63])
def test_negative(client, topic, offset):
    client.sent(topic)
    client.next(topic)
    answer = client.pull(topic, offset=offset)
    assert (answer.code, answer.ext["nextBeginOffset"]) == (codec.PULL_MOVED, "0")
