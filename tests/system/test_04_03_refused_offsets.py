# SPDX-License-Identifier: Apache-2.0
"""Offsets that would pass over messages to come, and queues that are not there, change nothing."""
import codec
import pytest

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("offset", [6, 1000, 2 ** 62, -1, -2 ** 63])
def test_offset_outside_of_the_queue(client, topic, group, offset):
    for _ in range(5):
        client.sent(topic)
    client.commit(group, topic, 3)
    answer = client.commit(group, topic, offset)
    assert answer.code == codec.SYSTEM_ERROR and answer.remark
    assert client.committed(group, topic) == 3


def test_forward_offset_brought_along_by_a_pull(client, topic, group):
    for _ in range(5):
        client.sent(topic)
    client.commit(group, topic, 3)
    assert client.pull(topic, group=group, commit=99).code == codec.OK
    assert client.committed(group, topic) == 3


@pytest.mark.parametrize("queue", [4, -1, 2 ** 31 - 1])
def test_queue_out_of_range(client, topic, group, queue):
    client.made_topic(topic, queues=4)
    assert client.commit(group, topic, 0, queue).code != codec.OK
    answer = client.call(codec.QUERY_OFFSET, {"consumerGroup": group, "topic": topic, "queueId": str(queue)})
    assert answer.code != codec.OK


def test_unknown_topic(client, topic, group):
    assert client.commit(group, topic, 0).code != codec.OK
    answer = client.call(codec.QUERY_OFFSET, {"consumerGroup": group, "topic": topic, "queueId": "0"})
    assert answer.code != codec.OK
