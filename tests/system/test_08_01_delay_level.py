# SPDX-License-Identifier: Apache-2.0
"""DELAY: the message appears in its own topic and queue after the level's time."""
import time

import codec
import pytest
from client import wait_until

FLAGS = ("--message-delay-level", "1s 2s 10s 1h")


def test_not_before_its_time(client, topic):
    client.made_topic(topic)
    begun = time.time()
    _, _, _ = client.sent(topic, b"later", 3, {"DELAY": "1", "KEYS": "k", "TAGS": "t"})
    message = client.next(topic, queue=3)
    assert time.time() - begun >= 0.998
    assert (message.topic, message.queue_id, message.offset, message.body) == (topic, 3, 0, b"later")
    assert (message.properties["KEYS"], message.properties["TAGS"]) == ("k", "t")


@pytest.mark.ours  # RocketMQ 4.9 leaves the property
def test_level_is_used_up(client, topic):
    client.sent(topic, props={"DELAY": "1"})
    assert "DELAY" not in client.next(topic).properties


def test_invisible_until_then(client, topic):
    client.made_topic(topic)
    client.sent(topic, b"later", props={"DELAY": "18"})  # the last one: not while this is looked at
    assert client.max_offset(topic) == 0
    assert client.pull(topic).code == codec.PULL_NOTHING


def test_messages_without_delay_overtake(client, new_name):
    for level, delay_s in ((1, 1), (3, 10)):  # the second where this machine stood still for the first one's time
        topic, begun = new_name("topic"), time.time()
        client.sent(topic, b"later", props={"DELAY": str(level)})
        client.sent(topic, b"now")
        if time.time() - begun < delay_s:
            break
    assert [message.body for message in client.read(topic, count=2)] == [b"now", b"later"]


def test_levels_that_mean_no_delay(client, topic):
    for level in ("0", "-1"):
        client.sent(topic, level.encode(), props={"DELAY": level})
    assert [message.body for message in client.read(topic, count=2)] == [b"0", b"-1"]


def test_arrival_wakes_who_waits_with_tags(client, topic):
    client.made_topic(topic)
    client.sent(topic, b"later", props={"DELAY": "1", "TAGS": "A"})
    answer = client.pull(topic, expression="A || B", hold_ms=60000)
    assert answer.code == codec.OK
    assert codec.decode_messages(answer.body)[0].body == b"later"


def test_found_by_key_after_its_time(client, topic):
    client.sent(topic, b"later", props={"DELAY": "1", "KEYS": "k77"})
    client.next(topic)
    answer = wait_until(lambda: (got := client.query(topic, "k77")).code == codec.OK and got)
    assert codec.decode_messages(answer.body)[0].body == b"later"
