# SPDX-License-Identifier: Apache-2.0
"""What tools and dashboards ask for."""
import json
import re

import codec
import pytest
from client import wait_until

pytestmark = pytest.mark.ours


def ask(client, code, ext=None, body=b""):
    answer = client.call(code, ext or {}, body)
    assert answer.code == codec.OK, answer
    return answer


def test_cluster(server, names):
    info = json.loads(ask(names, 106).body)
    (name, broker), = info["brokerAddrTable"].items()
    assert broker["brokerAddrs"] == {"0": server.broker} and broker["brokerName"] == name
    assert [name] in info["clusterAddrTable"].values()


def test_topic_lists(client, names, topic):
    client.made_topic(topic, queues=6)
    assert topic in json.loads(ask(names, 206).body)["topicList"]
    config = json.loads(ask(client, 21).body)["topicConfigTable"][topic]
    assert (config["readQueueNums"], config["writeQueueNums"], config["perm"]) == (6, 6, 6)


def test_topic_statistics(client, topic):
    """RocketMQ's dialect: objects as keys of an object."""
    client.made_topic(topic, queues=2)
    client.sent(topic, queue=1)
    text = ask(client, 202, {"topic": topic}).body.decode()
    assert re.search(r'\{[^{}]*"queueId":1[^{}]*\}:\{[^{}]*"maxOffset":1[^{}]*\}', text), text


def test_group_lists(client, group):
    client.update_group(group, retryMaxTimes=5)
    assert json.loads(ask(client, 201).body)["subscriptionGroupTable"][group]["retryMaxTimes"] == 5


def test_connections(client, topic, group):
    client.beat("c1", group, [codec.subscription(topic, "A")], producers=["p_of_" + group])
    info = json.loads(ask(client, 203, {"consumerGroup": group}).body)
    assert [one["clientId"] for one in info["connectionSet"]] == ["c1"]
    assert info["connectionSet"][0]["clientAddr"] == "%s:%d" % client.socket.getsockname()
    assert info["messageModel"] == "CLUSTERING"
    assert info["subscriptionTable"][topic]["subString"] == "A"
    made = json.loads(ask(client, 204, {"producerGroup": "p_of_" + group}).body)
    assert [one["clientId"] for one in made["connectionSet"]] == ["c1"]


def test_consume_statistics(client, topic, group):
    client.made_topic(topic, queues=1)
    client.send_batch(topic, [(b"x", {})] * 10)
    client.beat("c1", group, [topic])
    client.commit(group, topic, 4)
    text = ask(client, 208, {"consumerGroup": group, "topic": topic}).body.decode()
    assert '"brokerOffset":10' in text and '"consumerOffset":4' in text


def test_runtime_info(client):
    table = json.loads(ask(client, 28).body)["table"]
    assert all(isinstance(value, str) for value in table.values())
    for name in ("brokerVersionDesc", "putTps", "getTotalTps", "bootTimestamp", "msgPutTotalTodayNow"):
        assert name in table


def test_delete_topic(client, names, topic):
    client.made_topic(topic)
    client.sent(topic, b"old")
    ask(client, 215, {"topic": topic})
    ask(names, 216, {"topic": topic})
    assert names.route(topic).code == codec.NO_TOPIC
    assert client.pull(topic).code == codec.NO_TOPIC
    client.made_topic(topic)
    _, offset, _ = client.sent(topic, b"new")
    found = client.read(topic, offset=client.min_offset(topic))
    assert [(m.offset, m.body) for m in found] == [(offset, b"new")]


def test_delete_wakes_who_waits(client, topic):
    client.made_topic(topic)
    held = client.begin_pull(topic)
    ask(client, 215, {"topic": topic})
    assert client.finish(held).code in (codec.NO_TOPIC, codec.PULL_NOTHING, codec.SYSTEM_ERROR)


def test_delete_group(client, topic, group):
    client.sent(topic)
    client.update_group(group)
    client.commit(group, topic, 1)
    ask(client, 207, {"groupName": group, "removeOffset": "true"})
    assert group not in json.loads(ask(client, 201).body)["subscriptionGroupTable"]
    assert client.committed(group, topic) in (0, None)


def test_reset_offset_reaches_the_members(client, topic, group):
    client.made_topic(topic, queues=1)
    client.send_batch(topic, [(b"x", {})] * 10)
    client.beat("c1", group, [topic])
    client.commit(group, topic, 10)
    client.call(222, {"topic": topic, "group": group, "timestamp": "0", "isForce": "true"})
    pushed = client.wait_pushed(220)
    assert (pushed.ext["topic"], pushed.ext["group"]) == (topic, group)
    assert b'"queueId":0' in pushed.body
    wait_until(lambda: client.committed(group, topic) == 0)


def test_one_topic(client, topic):
    client.made_topic(topic, queues=3)
    config = json.loads(ask(client, 351, {"topic": topic}).body)
    assert (config["topicName"], config["readQueueNums"], config["perm"]) == (topic, 3, 6)
    assert client.call(351, {"topic": topic + "x"}).code == codec.NO_TOPIC


def test_one_group(client, group):
    client.update_group(group, retryMaxTimes=7)
    config = json.loads(ask(client, 352, {"group": group}).body)
    assert (config["groupName"], config["retryMaxTimes"]) == (group, 7)
    assert client.call(352, {"group": group + "x"}).code == 26


def test_who_reads_a_topic(client, topic, group, new_name):
    """Groups that subscribe to it now, and those that have an offset in it."""
    client.made_topic(topic, queues=1)
    assert json.loads(ask(client, 300, {"topic": topic}).body)["groupList"] == []
    reads, had_read = new_name("reads"), new_name("had_read")
    client.beat("c1", reads, [topic])
    client.update_group(had_read)
    client.commit(had_read, topic, 0)
    client.update_group(group)
    wait_until(lambda: sorted(json.loads(ask(client, 300, {"topic": topic}).body)["groupList"]) == sorted([reads, had_read]))


def test_keys_and_values(names):
    """Nothing is kept under a key; that it is deleted is well."""
    key = {"namespace": "ORDER_TOPIC_CONFIG", "key": "t"}
    assert names.call(101, key).code == 22
    ask(names, 102, key)


def test_how_long_it_runs(client):
    table = json.loads(ask(client, 28).body)["table"]
    assert re.fullmatch(r"\[ 0 days, 0 hours, \d+ minutes, \d+ seconds \]", table["runtime"])
