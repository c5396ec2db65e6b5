# SPDX-License-Identifier: Apache-2.0
"""A dead letter says where it came from and why it died; its topic has one queue and can be consumed."""
import json

import codec
import pytest
from client import wait_until
from retries import climb

FLAGS = ("--retry-ladder", "100ms 100ms")
pytestmark = pytest.mark.ours


def test_property_set(client, topic, group):
    _, _, position = client.sent(topic, b"dead", props={"KEYS": "k1 k2", "TAGS": "t", "tx_no": "T77"})
    dead = climb(client, topic, group).dead
    assert (dead.topic, dead.queue_id, dead.body, dead.reconsume) == (f"%DLQ%{group}", 0, b"dead", 3)
    properties = dead.properties
    assert properties["RETRY_TOPIC"] == topic
    assert properties["DLQ_ORIGIN_TOPIC"] == topic
    assert codec.parse_message_id(properties["ORIGIN_MESSAGE_ID"])[2] == position
    assert codec.parse_message_id(properties["DLQ_ORIGIN_MESSAGE_ID"])[2] == position
    assert [properties[name] for name in ("KEYS", "TAGS", "tx_no")] == ["k1 k2", "t", "T77"]
    assert properties["TIDINGS_DEAD_REASON"]


@pytest.mark.parametrize("settings,back,word", [
    ({}, {}, "last rung"), ({}, {"level": -1}, "consumer"), ({}, {"most": 1}, "consumer"),
    ({"retryLadder": "50ms*5", "retryLimit": 1}, {}, "limit"),
    ({"retryLadder": "50ms 5s", "retryWindowMs": 1000}, {}, "window")])
def test_reason(client, topic, group, settings, back, word):
    client.update_group(group, **settings)
    client.sent(topic)
    assert word in climb(client, topic, group, **back).dead.properties["TIDINGS_DEAD_REASON"]


def test_reasons_differ(client, topic, new_name):
    client.sent(topic)
    reasons = set()
    for back in ({}, {"level": -1}, {"most": 1}):
        reasons.add(climb(client, topic, new_name("group"), **back).dead.properties["TIDINGS_DEAD_REASON"])
    assert len(reasons) == 3


def test_topic_can_be_consumed(client, names, topic, group, new_name):
    client.sent(topic, b"dead")
    climb(client, topic, group, level=-1)
    queue_data, = json.loads(names.route(f"%DLQ%{group}").body)["queueDatas"]
    assert (queue_data["readQueueNums"], queue_data["writeQueueNums"], queue_data["perm"]) == (1, 1, 6)
    reader = new_name("group")
    client.beat("c1", reader, [f"%DLQ%{group}"])
    answer = client.pull(f"%DLQ%{group}", group=reader, expression=None)
    assert [message.body for message in codec.decode_messages(answer.body)] == [b"dead"]
    assert client.commit(reader, f"%DLQ%{group}", 1).code == codec.OK


def test_dead_letter_wakes_who_waits(client, topic, group):
    client.sent(topic, b"first")
    client.sent(topic, b"second")
    first, second = client.read(topic, count=2)
    client.send_back(first, group, level=-1)
    held = client.begin_pull(f"%DLQ%{group}", offset=1)
    client.send_back(second, group, level=-1)
    assert codec.decode_messages(client.finish(held).body)[0].body == b"second"


def test_found_by_key(client, topic, group):
    client.sent(topic, b"dead", props={"KEYS": "paper"})
    climb(client, topic, group, level=-1)
    answer = wait_until(lambda: (got := client.query(f"%DLQ%{group}", "paper")).code == codec.OK and got)
    assert codec.decode_messages(answer.body)[0].body == b"dead"


def test_a_dead_letter_given_back_climbs_for_its_reader(client, topic, group, new_name):
    client.sent(topic, b"dead")
    dead = climb(client, topic, group, level=-1).dead
    reader = new_name("group")
    dead.reconsume = 0
    assert client.send_back(dead, reader, most=99).code == codec.OK
