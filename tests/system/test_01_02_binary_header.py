# SPDX-License-Identifier: Apache-2.0
"""The binary header (ROCKETMQ) means the same as the JSON header; the answer may come in either."""
import json

import codec
import pytest


def test_send_pull_and_route_by_binary_header(server, connect, topic):
    binary = connect(server.broker, serialize="binary", language="JAVA")
    queue, offset, position = binary.sent(topic, b"by binary header", props={"KEYS": "k", "name": "名"})
    assert (queue, offset) == (0, 0)
    message = binary.next(topic)
    assert message.body == b"by binary header"
    assert message.properties["name"] == "名"
    assert message.position == position


def test_route_by_binary_header(server, connect, client, topic):
    client.made_topic(topic)
    answer = connect(server.namesrv, serialize="binary", language="JAVA").route(topic)
    assert answer.code == codec.OK
    assert b"brokerDatas" in answer.body


def test_both_headers_on_one_connection(client, topic):
    client.made_topic(topic)
    for serialize in ("json", "binary", "json", "binary"):
        client.serialize, client.language = serialize, "JAVA"
        assert client.send(topic).code == codec.OK
    assert len(client.read(topic, count=4)) == 4


def test_heartbeat_by_binary_header(server, connect, group, topic):
    binary = connect(server.broker, serialize="binary", language="GO")
    assert binary.beat("c1", group, [topic]).code == codec.OK
    assert json.loads(binary.call(codec.CONSUMER_LIST, {"consumerGroup": group}).body)["consumerIdList"] == ["c1"]


def test_unknown_code_by_binary_header(server, connect):
    assert connect(server.broker, serialize="binary").call(9999).code == codec.NOT_SUPPORTED


@pytest.mark.ours  # RocketMQ answers in the make its own settings name
@pytest.mark.parametrize("serialize", ["binary", "json"])
def test_answers_are_of_the_askers_make(server, connect, topic, serialize):
    asker = connect(server.broker, serialize=serialize, language="JAVA")
    assert asker.send(topic).serialize == serialize
    assert asker.call(9999).serialize == serialize
