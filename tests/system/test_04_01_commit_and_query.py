# SPDX-License-Identifier: Apache-2.0
"""Consumer offsets: what was stored is answered, two-way (Go) and one-way (Java), for each group and queue."""
import codec
from client import wait_until


def fill(client, topic, count=10, queues=2):
    for queue in range(queues):
        for _ in range(count):
            client.sent(topic, queue=queue)
        client.read(topic, queue=queue, count=count)


def test_two_way(client, topic, group):
    fill(client, topic)
    assert client.commit(group, topic, 7).code == codec.OK
    assert client.committed(group, topic) == 7


def test_one_way(client, topic, group):
    fill(client, topic)
    client.post(codec.UPDATE_OFFSET,
                {"consumerGroup": group, "topic": topic, "queueId": "0", "commitOffset": "6"})
    wait_until(lambda: client.committed(group, topic) == 6)


def test_groups_and_queues_stand_apart(client, topic, new_name):
    fill(client, topic)
    first, second = new_name("group"), new_name("group")
    client.commit(first, topic, 1, queue=0)
    client.commit(first, topic, 2, queue=1)
    client.commit(second, topic, 3, queue=0)
    assert client.committed(first, topic, 0) == 1
    assert client.committed(first, topic, 1) == 2
    assert client.committed(second, topic, 0) == 3
    assert client.committed(second, topic, 1) in (None, 0)


def test_backwards(client, topic, group):
    """A reset goes back; whoever commits last is right."""
    fill(client, topic)
    client.commit(group, topic, 9)
    assert client.commit(group, topic, 2).code == codec.OK
    assert client.committed(group, topic) == 2


def test_to_the_end_and_to_zero(client, topic, group):
    fill(client, topic)
    for offset in (10, 0, 10):
        assert client.commit(group, topic, offset).code == codec.OK
        assert client.committed(group, topic) == offset


def test_the_five_second_habit(client, topic, group):
    fill(client, topic)
    for offset in range(11):
        for queue in range(2):
            client.commit(group, topic, offset, queue)
    assert [client.committed(group, topic, queue) for queue in range(2)] == [10, 10]
