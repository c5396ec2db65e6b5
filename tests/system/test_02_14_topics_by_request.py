# SPDX-License-Identifier: Apache-2.0
"""UPDATE_AND_CREATE_TOPIC (17): made at once, may grow, names are checked."""
import json

import codec
import pytest


def test_new_topic_is_routed_at_once(client, names, topic):
    client.made_topic(topic, queues=16)
    assert json.loads(names.route(topic).body)["queueDatas"][0]["readQueueNums"] == 16
    assert client.sent(topic, queue=15)[0] == 15


def test_a_topic_grows(client, topic):
    client.made_topic(topic, queues=1)
    client.sent(topic, b"before")
    client.made_topic(topic, queues=3)
    client.sent(topic, b"after", queue=2)
    assert client.next(topic).body == b"before"
    assert client.next(topic, queue=2).body == b"after"


@pytest.mark.parametrize("name", ["", "with space", "slash/", "umlaut-ä", "t" * 128, "TBW102", "SELF_TEST_TOPIC"])
def test_names_that_are_refused(client, name):
    answer = client.create_topic(name)
    assert answer.code == codec.SYSTEM_ERROR and answer.remark


def test_longest_name(client, new_name):
    name = new_name("t").ljust(127, "x")
    client.made_topic(name)
    client.sent(name)
    assert client.next(name).topic == name
