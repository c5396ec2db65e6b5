# SPDX-License-Identifier: Apache-2.0
"""A first send with defaultTopic TBW102 makes the topic with the queues asked for, at most eight."""
import json

import codec
import pytest
from client import wait_until


@pytest.mark.parametrize("asked,made", [(1, 1), (4, 4), (8, 8), (100, 8)])
def test_first_send_makes_the_topic(client, names, topic, asked, made):
    assert names.route(topic).code == codec.NO_TOPIC
    assert client.send(topic, d=asked).code == codec.OK
    answer = wait_until(lambda: (got := names.route(topic)).code == codec.OK and got)
    queue_data, = json.loads(answer.body)["queueDatas"]
    assert (queue_data["readQueueNums"], queue_data["writeQueueNums"]) == (made, made)
    assert queue_data["perm"] == 6  # not inherited


def test_a_second_send_changes_nothing(client, names, topic):
    client.sent(topic, d=2)
    client.sent(topic, d=8)
    answer = wait_until(lambda: (got := names.route(topic)).code == codec.OK and got)
    assert json.loads(answer.body)["queueDatas"][0]["writeQueueNums"] == 2


def test_an_unknown_template_makes_nothing(client, names, topic, new_name):
    assert client.send(topic, c=new_name("template")).code == codec.NO_TOPIC
    assert names.route(topic).code == codec.NO_TOPIC
