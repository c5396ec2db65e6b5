# SPDX-License-Identifier: Apache-2.0
"""A held pull that nothing wakes is answered 19 when its time is over, not before."""
import time

import codec
import pytest


@pytest.mark.ours  # RocketMQ looks every five seconds only
@pytest.mark.parametrize("hold_ms", [300, 1200])
def test_expires_in_time(client, topic, hold_ms):
    client.made_topic(topic)
    begun = time.monotonic()
    answer = client.pull(topic, hold_ms=hold_ms)
    assert answer.code == codec.PULL_NOTHING
    assert answer.ext["nextBeginOffset"] == "0"
    assert time.monotonic() - begun >= hold_ms / 1000 - 0.005


def test_expires_at_all(client, topic):
    client.made_topic(topic)
    begun = time.monotonic()
    assert client.pull(topic, hold_ms=1000).code == codec.PULL_NOTHING
    assert time.monotonic() - begun >= 0.995


def test_the_same_connection_goes_on_pulling(client, topic):
    client.made_topic(topic)
    for _ in range(3):
        assert client.pull(topic, hold_ms=100).code == codec.PULL_NOTHING
    client.sent(topic)
    assert client.next(topic).offset == 0
