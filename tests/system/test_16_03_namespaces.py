# SPDX-License-Identifier: Apache-2.0
"""Namespaces are the client's business: it wraps the names (`ns%topic`, `%RETRY%ns%group`), and the broker takes names as
they come. Newer clients also send the fields `nsd` and `ns`."""
import json

import codec
import pytest
from client import wait_until

pytestmark = pytest.mark.ours

FLAGS = ("--retry-ladder", "100ms 1h")
WRAPPED = {"nsd": "true", "ns": "MQ_INST_1"}


def test_topic_and_group(client, new_name):
    topic, group = "MQ_INST_1%" + new_name("topic"), "MQ_INST_1%" + new_name("group")
    answer = client.call(codec.SEND_V2, {**client.send_ext(topic, 0, {"TAGS": "A"}), **WRAPPED}, b"body")
    assert answer.code == codec.OK, answer
    assert client.route(topic).code == codec.OK
    client.beat("c1", group, [topic, "%RETRY%" + group])
    wait_until(lambda: client.members(group) == ["c1"])
    message, = client.read(topic, group=group, count=1, queue=int(answer.ext["queueId"]))
    assert (message.topic, message.body) == (topic, b"body")

    client.send_back(message, group)
    again = client.next("%RETRY%" + group, group=group)
    assert again.body == b"body" and again.properties["RETRY_TOPIC"] == topic
    client.commit(group, topic, 1)
    wait_until(lambda: client.committed(group, topic) == 1)


def test_two_namespaces_are_two_topics(client, new_name):
    name = new_name("topic")
    for space in ("one%", "two%", ""):
        client.sent(space + name, space.encode())
    for space in ("one%", "two%", ""):
        assert [m.body for m in client.read(space + name, count=1)] == [space.encode()]
    listed = json.loads(client.call(21, {}).body)["topicConfigTable"]
    assert {"one%" + name, "two%" + name, name} <= set(listed)
