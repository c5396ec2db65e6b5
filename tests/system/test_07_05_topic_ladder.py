# SPDX-License-Identifier: Apache-2.0
"""A topic may have a ladder of its own; a group's own stands above it."""
import codec
import pytest
from retries import check_delays, climb

FLAGS = ("--retry-ladder", "100ms 100ms 100ms")
pytestmark = pytest.mark.ours


def test_ladder(client, topic, group):
    client.made_topic(topic, retryLadder="200ms 500ms")
    client.sent(topic)
    check_delays(climb(client, topic, group).delays_s, [0.2, 0.5])


def test_the_topic_the_message_came_from_counts_on_every_rung(client, topic, group, new_name):
    other = client.made_topic(new_name("topic"))
    client.made_topic(topic, retryLadder="50ms 60ms 70ms 80ms 90ms")
    client.sent(topic)
    client.sent(other)
    assert len(climb(client, topic, group).delays_s) == 5
    assert len(climb(client, other, new_name("group")).delays_s) == 3


def test_group_stands_above_topic(client, topic, group):
    client.made_topic(topic, retryLadder="50ms 50ms 50ms 50ms")
    client.update_group(group, retryLadder="300ms")
    client.sent(topic)
    check_delays(climb(client, topic, group).delays_s, [0.3])


def test_window_and_limit(client, topic, new_name):
    client.made_topic(topic, retryLadder="50ms 50ms 50ms", retryMaxTimes=1)
    client.sent(topic)
    assert len(climb(client, topic, new_name("group")).delays_s) == 1
    client.made_topic(topic, retryLadder="50ms 1h", retryWindowMs=60000, retryMaxTimes=0)
    assert len(climb(client, topic, new_name("group")).delays_s) == 1


def test_bad_ladder_makes_no_topic(client, names, topic):
    answer = client.create_topic(topic, retryLadder="1m 5x")
    assert answer.code == codec.SYSTEM_ERROR and answer.remark
    assert names.route(topic).code == codec.NO_TOPIC
