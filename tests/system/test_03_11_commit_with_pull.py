# SPDX-License-Identifier: Apache-2.0
"""A pull may bring the consumer's offset along (bit 1): it is stored."""
import codec
from client import wait_until


def test_offset_is_stored(client, topic, group):
    for _ in range(5):
        client.sent(topic)
    client.read(topic, count=5)
    client.beat("c1", group, [topic])
    assert client.pull(topic, offset=3, group=group, commit=3).code == codec.OK
    wait_until(lambda: client.committed(group, topic) == 3)


def test_offset_is_stored_by_a_pull_that_waits(client, topic, group):
    for _ in range(5):
        client.sent(topic)
    client.read(topic, count=5)
    client.beat("c1", group, [topic])
    held = client.begin_pull(topic, offset=5, group=group, commit=4)
    wait_until(lambda: client.committed(group, topic) == 4)
    client.sent(topic)
    assert client.finish(held).code == codec.OK


def test_offset_is_not_stored_without_the_bit(client, topic, group):
    for _ in range(5):
        client.sent(topic)
    client.read(topic, count=5)
    client.commit(group, topic, 1)
    ext = client.pull_ext(topic, offset=3, group=group)
    ext["commitOffset"] = "3"
    assert client.call(codec.PULL, ext).code == codec.OK
    assert client.committed(group, topic) == 1
