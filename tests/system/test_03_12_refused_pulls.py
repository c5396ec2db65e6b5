# SPDX-License-Identifier: Apache-2.0
"""Pulls that cannot be served are answered with the code that clients expect."""
import codec
import pytest


def test_unknown_topic(client, topic):
    assert client.pull(topic).code == codec.NO_TOPIC


@pytest.mark.parametrize("queue", [4, 1000, -1, 2 ** 31 - 1])
def test_queue_out_of_range(client, topic, queue):
    client.made_topic(topic, queues=4)
    answer = client.pull(topic, queue=queue)
    assert answer.code == codec.SYSTEM_ERROR and answer.remark


def test_group_that_may_not_consume(client, topic, group):
    client.sent(topic)
    client.next(topic)
    assert client.update_group(group, consumeEnable=False).code == codec.OK
    assert client.pull(topic, group=group).code == codec.NO_PERMISSION
    assert client.update_group(group, consumeEnable=True).code == codec.OK
    assert client.pull(topic, group=group).code == codec.OK


@pytest.mark.ours  # RocketMQ lets everything through
def test_unknown_expression_type(client, topic):
    client.sent(topic)
    client.next(topic)
    answer = client.pull(topic, expression="a > 1", expressionType="XPATH")
    assert answer.code in (codec.SYSTEM_ERROR, codec.PARSE_FAILED) and answer.remark
