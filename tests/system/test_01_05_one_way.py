# SPDX-License-Identifier: Apache-2.0
"""A request with the one-way bit is done and never answered."""
import codec


def test_one_way_requests_are_not_answered(client, topic, group):
    client.made_topic(topic)
    client.post(codec.SEND_V2, client.send_ext(topic), b"one way")
    client.post(codec.UPDATE_OFFSET, {"consumerGroup": group, "topic": topic, "queueId": "0", "commitOffset": "0"})
    client.post(codec.HEARTBEAT, {}, codec.heartbeat_body("one_way_client"))
    client.post(codec.UNLOCK, {}, client.lock_body("c", group, topic, [0]))
    assert client.next(topic).body == b"one way"
    for _ in range(3):
        assert client.max_offset(topic, queue=3) == 0
    assert not client.strays


def test_a_failing_one_way_request_is_not_answered(client):
    client.post(codec.SEND_V2, client.send_ext("no such name!"), b"x")
    client.post(codec.UPDATE_OFFSET, {})
    assert client.beat("c").code == codec.OK
    assert not client.strays
