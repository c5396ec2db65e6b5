# SPDX-License-Identifier: Apache-2.0
"""Unlocking frees a queue for the next; only its owner can."""
import codec
from client import wait_until


def test_owner_unlocks(client, topic, group):
    client.made_topic(topic)
    client.lock("c1", group, topic, [0, 1])
    assert client.unlock("c1", group, topic, [0]).code == codec.OK
    assert client.lock("c2", group, topic, [0, 1]) == [0]


def test_stranger_unlocks_nothing(client, topic, group):
    client.made_topic(topic)
    client.lock("c1", group, topic, [0])
    assert client.unlock("c2", group, topic, [0]).code == codec.OK
    assert client.lock("c2", group, topic, [0]) == []


def test_one_way(client, topic, group):
    client.made_topic(topic)
    client.lock("c1", group, topic, [0])
    client.post(codec.UNLOCK, {}, client.lock_body("c1", group, topic, [0]))
    wait_until(lambda: client.lock("c2", group, topic, [0]) == [0])
    assert not client.strays


def test_what_was_never_locked(client, topic, group):
    client.made_topic(topic)
    assert client.unlock("c1", group, topic, [0, 1, 2]).code == codec.OK
