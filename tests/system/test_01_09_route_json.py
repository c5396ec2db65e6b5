# SPDX-License-Identifier: Apache-2.0
"""Routes are JSON that every client can read, the Go client's string surgery included."""
import json
import re

import codec


def test_route_of_a_topic(server, names, client, topic):
    client.made_topic(topic, queues=3)
    answer = names.route(topic)
    assert answer.code == codec.OK
    route = json.loads(answer.body)
    queue_data, = route["queueDatas"]
    broker_data, = route["brokerDatas"]
    assert (queue_data["readQueueNums"], queue_data["writeQueueNums"], queue_data["perm"]) == (3, 3, 6)
    assert queue_data["brokerName"] == broker_data["brokerName"]
    assert broker_data["brokerAddrs"] == {"0": server.broker}
    assert broker_data["cluster"]
    assert route["filterServerTable"] == {}


def test_keys_are_quoted_and_nothing_is_spaced(names, client, topic):
    """Go splits the addresses at ',' and the first ':'; other parsers stumble over {0:"..."}."""
    client.made_topic(topic)
    text = names.route(topic, acceptStandardJsonOnly="true").body.decode()
    assert re.search(r'"brokerAddrs":\{"0":"[0-9.]+:[0-9]+"\}', text), text
    assert not re.search(r"\s", text), text


def test_different_numbers_of_read_and_write_queues(names, client, topic):
    assert client.create_topic(topic, readQueueNums=6, writeQueueNums=2).code == codec.OK
    queue_data, = json.loads(names.route(topic).body)["queueDatas"]
    assert (queue_data["readQueueNums"], queue_data["writeQueueNums"]) == (6, 2)
