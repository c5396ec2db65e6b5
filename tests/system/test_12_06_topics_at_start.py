# SPDX-License-Identifier: Apache-2.0
"""Topics named at start are there at once: a consumer started before the first send need not wait half a minute."""
import json

import codec
import pytest
from client import Client

pytestmark = pytest.mark.ours


def queues(client, topic):
    answer = client.route(topic)
    return json.loads(answer.body)["queueDatas"][0]["readQueueNums"] if answer.code == codec.OK else None


def test_with_and_without_a_number(own_server):
    server = own_server("--topic", "a", "--topic", "b:9", "--topic=c:1")
    with Client(server.namesrv) as client:
        assert queues(client, "b") == 9
        assert queues(client, "c") == 1
        assert queues(client, "a") >= 1


def test_existing_topics_keep_what_they_hold(own_server):
    server = own_server("--topic", "a:2")
    with Client(server.broker) as client:
        client.sent("a", b"kept", queue=1)
        client.made_topic("a", queues=5)
    server.restart()
    with Client(server.broker) as client:
        assert client.next("a", queue=1).body == b"kept"
        assert queues(client, "a") == 5
