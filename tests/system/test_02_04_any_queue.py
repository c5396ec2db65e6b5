# SPDX-License-Identifier: Apache-2.0
"""A negative queue id means: any queue."""


def test_negative_queue_id(client, topic):
    client.made_topic(topic, queues=4)
    for _ in range(40):
        queue, _, _ = client.sent(topic, queue=-1)
        assert 0 <= queue < 4
    assert sum(len(client.read(topic, queue=queue)) for queue in range(4)) <= 40
    found = 0
    for queue in range(4):
        found += len(client.read(topic, queue=queue, count=1))
    assert found == 40
