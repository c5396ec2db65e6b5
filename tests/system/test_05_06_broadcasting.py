# SPDX-License-Identifier: Apache-2.0
"""Broadcasting: every instance pulls every queue at its own pace."""
import codec


def test_each_instance_reads_all(server, connect, client, topic, group):
    client.made_topic(topic, queues=2)
    instances = [connect(server.broker) for _ in range(3)]
    for number, one in enumerate(instances):
        assert one.beat(f"c{number}", group, [topic], model="BROADCASTING").code == codec.OK
    for i in range(20):
        client.sent(topic, f"{i}".encode(), queue=i % 2)
    for one in instances:
        found = [int(m.body) for queue in range(2) for m in one.read(topic, queue=queue, count=10, group=group)]
        assert sorted(found) == list(range(20))
    assert client.members(group) == ["c0", "c1", "c2"]


def test_group_that_may_not_broadcast(client, topic, group):
    client.sent(topic)
    client.next(topic)
    client.update_group(group, consumeBroadcastEnable=False)
    client.beat("c1", group, [topic], model="BROADCASTING")
    assert client.pull(topic, group=group, expression=None).code == codec.NO_PERMISSION
