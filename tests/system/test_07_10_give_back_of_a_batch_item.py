# SPDX-License-Identifier: Apache-2.0
"""Items of a batch, keyed, delayed and one-way messages are given back like any other."""
import codec
import pytest

FLAGS = ("--retry-ladder", "100ms")
pytestmark = pytest.mark.ours


def test_third_item_of_a_batch(client, topic, group):
    client.send_batch(topic, [(f"item {i}".encode(), {"KEYS": f"k{i}"}) for i in range(5)])
    third = client.read(topic, count=5)[2]
    assert client.send_back(third, group).code == codec.OK
    message = client.next(f"%RETRY%{group}")
    assert (message.body, message.properties["KEYS"]) == (b"item 2", "k2")


def test_delayed_message(client, topic, group):
    client.sent(topic, b"delayed", props={"TIMER_DELAY_MS": "100"})
    assert client.send_back(client.next(topic), group).code == codec.OK
    assert client.next(f"%RETRY%{group}").body == b"delayed"


def test_one_way_message(client, topic, group):
    client.made_topic(topic)
    client.post(codec.SEND_V2, client.send_ext(topic), b"one way")
    assert client.send_back(client.next(topic), group).code == codec.OK
    assert client.next(f"%RETRY%{group}").body == b"one way"


def test_properties_that_would_grow_too_long(client, topic, group):
    """The retry's own properties must not push the message over the limit unseen: it is kept or refused, not cut."""
    client.sent(topic, b"x", props={"big": "v" * 32000})
    message = client.next(topic)
    answer = client.send_back(message, group)
    if answer.code == codec.OK:
        assert client.next(f"%RETRY%{group}").properties["big"] == "v" * 32000
    else:
        assert answer.remark
