# SPDX-License-Identifier: Apache-2.0
"""QUERY_MESSAGE (12): by each of its keys or by its unique id, within one topic and a time range."""
import time

import codec
import pytest
from client import wait_until


def bodies(client, topic, key, expected=1, **more):
    """Asks until the index has caught up."""
    answer = wait_until(lambda: (got := client.query(topic, key, **more)).code == codec.OK and
                        len(codec.decode_messages(got.body)) >= expected and got)
    assert "indexLastUpdateTimestamp" in answer.ext and "indexLastUpdatePhyoffset" in answer.ext
    return sorted(message.body for message in codec.decode_messages(answer.body))


def test_every_word_of_the_keys(client, topic):
    client.sent(topic, b"1", props={"KEYS": "order77 tx_1 客户"})
    for key in ("order77", "tx_1", "客户"):
        assert bodies(client, topic, key) == [b"1"]


def test_unique_id(client, topic):
    unique = "7F00000100002A139A55" + f"{time.time_ns() & 0xFFFFFFFFFFFF:012X}"
    client.sent(topic, b"1", props={"UNIQ_KEY": unique})
    assert bodies(client, topic, unique, unique=True) == [b"1"]


def test_several_messages_with_one_key(client, topic):
    for i in range(5):
        client.sent(topic, f"{i}".encode(), queue=i % 4, props={"KEYS": "same"})
    assert bodies(client, topic, "same", expected=5) == [b"0", b"1", b"2", b"3", b"4"]


def test_no_more_than_asked(client, topic):
    for i in range(6):
        client.sent(topic, f"{i}".encode(), props={"KEYS": "same"})
    bodies(client, topic, "same", expected=6)
    assert len(codec.decode_messages(client.query(topic, "same", most=2).body)) == 2


def test_other_topics_are_not_searched(client, new_name):
    first, second = new_name("topic"), new_name("topic")
    client.sent(first, b"first", props={"KEYS": "k"})
    client.sent(second, b"second", props={"KEYS": "k"})
    assert bodies(client, first, "k") == [b"first"]
    assert bodies(client, second, "k") == [b"second"]


def test_nothing_found(client, topic):
    client.made_topic(topic)
    assert client.query(topic, "nobody has it").code == codec.NOT_FOUND


@pytest.mark.ours  # RocketMQ's index knows seconds and hashes only
def test_exact_key_and_exact_time(client, topic):
    client.sent(topic, b"old", props={"KEYS": "Aa"})
    old = client.next(topic)
    time.sleep(0.05)
    client.sent(topic, b"new", props={"KEYS": "Aa"})
    client.sent(topic, b"same hash", props={"KEYS": "BB"})
    assert bodies(client, topic, "Aa", expected=2) == [b"new", b"old"]
    assert bodies(client, topic, "Aa", end_ms=old.store_ms + 10) == [b"old"]
    assert bodies(client, topic, "Aa", begin_ms=old.store_ms + 10) == [b"new"]
    assert client.query(topic, "Aa", begin_ms=1, end_ms=2).code == codec.NOT_FOUND


def test_part_of_a_key_is_no_key(client, topic):
    client.sent(topic, b"1", props={"KEYS": "order77 order78"})
    bodies(client, topic, "order77")
    for key in ("order7", "order77 order78", "ORDER77"):
        assert client.query(topic, key).code == codec.NOT_FOUND


@pytest.mark.ours
def test_key_that_many_messages_share(client, topic):
    """Two thousand others do not hide the one that the time range asks for."""
    client.made_topic(topic, queues=1)
    client.sent(topic, b"first", props={"KEYS": "shared"})
    first = client.next(topic)
    time.sleep(0.05)
    client.send_batch(topic, [(b"other", {"KEYS": "shared"})] * 2000)
    assert bodies(client, topic, "shared", end_ms=first.store_ms + 10) == [b"first"]
