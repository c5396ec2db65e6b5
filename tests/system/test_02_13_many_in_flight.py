# SPDX-License-Identifier: Apache-2.0
"""Hundreds of sends in flight on several connections are all acknowledged, each once, none lost."""
import codec


def test_two_thousand_sends_on_four_connections(server, client, connect, topic):
    client.made_topic(topic, queues=4)
    connections = [connect(server.broker) for _ in range(4)]
    asked = []
    for i in range(2000):
        own = connections[i % 4]
        asked.append((own, own.begin(codec.SEND_V2, own.send_ext(topic, queue=i % 4), f"{i}".encode())))
    answers = [own.finish(opaque) for own, opaque in asked]
    assert all(answer.code == codec.OK for answer in answers)
    for queue in range(4):
        found = client.read(topic, queue=queue, count=500)
        assert sorted(int(message.body) for message in found) == list(range(queue, 2000, 4))
        assert sorted(int(answer.ext["queueOffset"]) for answer in answers[queue::4]) == list(range(500))
        for message in found:
            assert int(answers[int(message.body)].ext["queueOffset"]) == message.offset
