# SPDX-License-Identifier: Apache-2.0
"""VIEW_MESSAGE_BY_ID (33): the stored message at a position of the log, or code 1."""
import codec
import pytest


def test_same_bytes_as_a_pull(client, topic):
    _, _, position = client.sent(topic, b"find me", 1, {"KEYS": "k", "TAGS": "t"})
    client.next(topic, queue=1)
    pulled = client.pull(topic, queue=1)
    answer = client.view(position)
    assert answer.code == codec.OK
    assert answer.body == pulled.body


def test_with_topic_as_5_x_asks(client, topic):
    _, _, position = client.sent(topic, b"find me")
    answer = client.call(codec.VIEW, {"offset": str(position), "topic": topic})
    assert codec.decode_message(answer.body).body == b"find me"


@pytest.mark.parametrize("shift", [1, 8, 33, 1 << 40])
def test_where_no_message_begins(client, topic, shift):
    _, _, position = client.sent(topic, b"x" * 100)
    answer = client.view(position + shift)
    assert answer.code == codec.SYSTEM_ERROR and answer.remark
    assert client.view(position).code == codec.OK


@pytest.mark.parametrize("position", [-1, -2 ** 63, 2 ** 63 - 1])
def test_impossible_positions(client, position):
    assert client.view(position).code == codec.SYSTEM_ERROR
