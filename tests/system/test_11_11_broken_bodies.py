# SPDX-License-Identifier: Apache-2.0
"""JSON bodies that are broken, of the wrong shape, deep or huge are answered 1; the connection lives on."""
import json

import codec
import pytest

BROKEN = {
    "empty": b"", "no json": b"hello", "cut": b'{"clientID":"c","consumerDataSet":[{"groupName":', "list": b"[]",
    "number": b"7", "null": b"null", "no text": b"\xff\xfe\x00", "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000, "nul": b'{"clientID":"c\\u0000d"', "open string": b'{"clientID":"c',
    "trailing": b'{"clientID":"c"} x', "huge": b'{"clientID":"' + b"c" * 3_000_000 + b'"',
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("code", [codec.HEARTBEAT, codec.LOCK, codec.UNLOCK, codec.UPDATE_GROUP])
@pytest.mark.ours
def test_broken_json(client, code, name):
    answer = client.call(code, {}, BROKEN[name])
    assert answer.code == codec.SYSTEM_ERROR, answer
    assert answer.remark
    assert client.beat("lives on").code == codec.OK


@pytest.mark.parametrize("body", [
    {"clientID": 7}, {"clientID": None}, {"clientID": ""}, {"clientID": "c", "consumerDataSet": {}},
    {"clientID": "c", "consumerDataSet": [7]}, {"clientID": "c", "consumerDataSet": [{}]},
    {"clientID": "c", "consumerDataSet": [{"groupName": "g", "subscriptionDataSet": "all"}]},
    {"clientID": "c", "consumerDataSet": [{"groupName": "g", "subscriptionDataSet": [{"topic": 5}]}]},
    {"clientID": "c", "producerDataSet": [{"groupName": {}}]}, {"consumerDataSet": []},
], ids=range(10))
@pytest.mark.ours
def test_heartbeat_of_the_wrong_shape(client, body):
    answer = client.call(codec.HEARTBEAT, {}, json.dumps(body).encode())
    assert answer.code == codec.SYSTEM_ERROR and answer.remark
    assert client.members("g") == []


@pytest.mark.parametrize("body", [
    {}, {"consumerGroup": "g"}, {"consumerGroup": "g", "clientId": "c", "mqSet": {}},
    {"consumerGroup": "g", "clientId": "c", "mqSet": [{"topic": "t", "brokerName": "b", "queueId": "x"}]},
    {"consumerGroup": "g", "clientId": "c", "mqSet": [{}]}, {"consumerGroup": 1, "clientId": 2, "mqSet": []},
], ids=range(6))
@pytest.mark.ours
def test_lock_of_the_wrong_shape(client, body):
    for code in (codec.LOCK, codec.UNLOCK):
        answer = client.call(code, {}, json.dumps(body).encode())
        assert answer.code == codec.SYSTEM_ERROR and answer.remark


@pytest.mark.ours
def test_locks_without_end(client, topic, group):
    """Locks of made-up queues are granted, as RocketMQ does, but not without a limit on memory or time."""
    client.made_topic(topic)
    for first in range(0, 200_000, 2000):
        body = client.lock_body("c", group, topic, range(first, first + 2000))
        answer = client.call(codec.LOCK, {}, body)
        assert answer.code in (codec.OK, codec.SYSTEM_ERROR, 2), answer
    assert client.lock("c", f"{group}_other", topic, [0, 1]) == [0, 1]


def test_body_where_none_is_expected(client, topic):
    client.made_topic(topic)
    assert client.call(codec.MAX_OFFSET, {"topic": topic, "queueId": "0"}, b"x" * 1_000_000).code == codec.OK
