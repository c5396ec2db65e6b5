# SPDX-License-Identifier: Apache-2.0
"""LITE_PULL_MESSAGE (361) of 5.x is a pull: its consumers know no fallback."""
import codec
import pytest

pytestmark = pytest.mark.ours


def test_lite_pull(client, topic):
    client.sent(topic, b"lite")
    answer = client.pull(topic, code=codec.LITE_PULL, sysFlag=4 | 16)
    assert [message.body for message in codec.decode_messages(answer.body)] == [b"lite"]


def test_lite_pull_is_held_and_woken(client, topic):
    client.made_topic(topic)
    held = client.begin(codec.LITE_PULL, client.pull_ext(topic, hold_ms=600_000))
    client.sent(topic, b"woken")
    assert client.finish(held).code == codec.OK
