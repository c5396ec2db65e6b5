# SPDX-License-Identifier: Apache-2.0
"""Sends to queues that the topic does not have are refused and make nothing."""
import codec
import pytest


@pytest.mark.parametrize("queue", [4, 5, 1000, 2 ** 31 - 1])
def test_send(client, topic, queue):
    client.made_topic(topic, queues=4)
    answer = client.send(topic, queue=queue)
    assert answer.code == codec.SYSTEM_ERROR and answer.remark
    assert client.send_batch(topic, [(b"x", {})], queue=queue).code == codec.SYSTEM_ERROR
    assert [client.max_offset(topic, at) for at in range(4)] == [0, 0, 0, 0]


@pytest.mark.ours
def test_no_more_queues_than_allowed(client, topic):
    answer = client.create_topic(topic, queues=1_000_000)
    assert answer.code == codec.SYSTEM_ERROR and answer.remark
    for queues in (0, -1):
        assert client.create_topic(topic, queues=queues).code == codec.SYSTEM_ERROR


@pytest.mark.parametrize("queues", ["0", "-1", "2147483647"])
def test_auto_made_topic_with_strange_numbers(client, topic, queues):
    answer = client.send(topic, d=queues)
    assert answer.code in (codec.OK, codec.SYSTEM_ERROR, codec.NO_TOPIC), answer
    assert client.beat("lives on").code == codec.OK
