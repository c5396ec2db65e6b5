# SPDX-License-Identifier: Apache-2.0
"""Heartbeats of Java, Go, C++ and 5.x differ; the server works tag filters out from subString by itself."""
import json

import codec
import pytest


def java(topic):
    return codec.consumer_data("G", [codec.subscription(topic, "A || Aa")])


def go(topic):
    return codec.consumer_data("G", [codec.subscription(topic, "A || Aa", codes=["65", "2112"])])


def cpp(topic):
    data = {"topic": topic, "subString": "A || Aa", "tagsSet": ["A", "Aa"], "codeSet": ["0", "0"], "subVersion": "1"}
    return {"groupName": "G", "consumeType": 1, "messageModel": 1, "consumeFromWhere": 4,
            "subscriptionDataSet": [data]}


def five(topic):
    return codec.consumer_data("G", [codec.subscription(topic, "A || Aa", namespace="", filterClassSource=None)])


@pytest.mark.parametrize("dialect", [java, go, pytest.param(cpp, marks=pytest.mark.ours), five])
def test_dialect(client, topic, group, dialect):
    for tag in ("A", "B", "Aa", "BB"):
        client.sent(topic, tag.encode(), props={"TAGS": tag})
    client.read(topic, count=4)
    consumer = {**dialect(topic), "groupName": group}
    body = {"clientID": "c1", "producerDataSet": [{"groupName": "CLIENT_INNER_PRODUCER"}],
            "consumerDataSet": [consumer], "heartbeatFingerprint": 0, "withoutSub": False}
    assert client.call(codec.HEARTBEAT, {}, json.dumps(body).encode()).code == codec.OK
    assert client.members(group) == ["c1"]
    answer = client.pull(topic, group=group, expression=None)
    found = [message.body for message in codec.decode_messages(answer.body)]
    assert b"A" in found and b"Aa" in found and b"B" not in found


@pytest.mark.ours
def test_codes_that_lie(client, topic, group):
    for tag in ("A", "B"):
        client.sent(topic, tag.encode(), props={"TAGS": tag})
    client.beat("c1", group, [codec.subscription(topic, "A", codes=[codec.java_hash("B")])])
    answer = client.pull(topic, group=group, expression=None)
    assert [message.body for message in codec.decode_messages(answer.body)] == [b"A"]


def test_sets_that_are_missing(client, topic, group):
    data = {"topic": topic, "subString": "*", "subVersion": 1}
    body = {"clientID": "c1", "consumerDataSet": [codec.consumer_data(group, [data])]}
    assert client.call(codec.HEARTBEAT, {}, json.dumps(body).encode()).code == codec.OK
    assert client.members(group) == ["c1"]


def test_white_space_and_unknown_keys(client, topic, group):
    body = {"clientID": "c1", "newThing": [{"deep": {"er": None}}], "producerDataSet": [],
            "consumerDataSet": [codec.consumer_data(group, [codec.subscription(topic)], another=1.5)]}
    assert client.call(codec.HEARTBEAT, {}, json.dumps(body, indent=3).encode()).code == codec.OK
    assert client.members(group) == ["c1"]
