# SPDX-License-Identifier: Apache-2.0
"""A topic that may not be written or read answers 16."""
import codec
import pytest
from client import wait_until


@pytest.mark.ours  # RocketMQ leaves the permission to write to the clients
def test_not_writable(client, topic):
    client.made_topic(topic, perm=4)
    assert client.send(topic).code == codec.NO_PERMISSION
    assert client.send_batch(topic, [(b"a", {})]).code == codec.NO_PERMISSION
    assert client.pull(topic).code == codec.PULL_NOTHING


def test_not_readable(client, topic):
    client.made_topic(topic, perm=2)
    client.sent(topic)
    assert client.pull(topic).code == codec.NO_PERMISSION


@pytest.mark.ours
def test_permission_may_change(client, topic):
    client.made_topic(topic, perm=4)
    client.made_topic(topic, perm=6)
    client.sent(topic)
    client.made_topic(topic, perm=4)
    assert client.send(topic).code == codec.NO_PERMISSION
    wait_until(lambda: client.pull(topic).code == codec.OK)
