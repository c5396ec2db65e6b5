# SPDX-License-Identifier: Apache-2.0
"""A group that stored nothing begins at 0 while the queue is young: it misses nothing sent since the topic was made."""


def test_new_group_on_a_young_queue(client, topic, group):
    for _ in range(3):
        client.sent(topic)
    client.read(topic, count=3)
    assert client.committed(group, topic) == 0


def test_asking_stores_nothing(client, topic, group):
    client.sent(topic)
    client.next(topic)
    client.committed(group, topic)
    client.sent(topic)
    assert client.committed(group, topic) == 0
