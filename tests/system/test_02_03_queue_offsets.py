# SPDX-License-Identifier: Apache-2.0
"""Each queue numbers its messages from 0 without gap, whoever sends."""
import threading

from client import Client


def test_queues_count_for_themselves(client, topic):
    for i in range(12):
        queue, offset, _ = client.sent(topic, f"{i}".encode(), queue=i % 4)
        assert (queue, offset) == (i % 4, i // 4)
    for queue in range(4):
        assert [int(m.body) for m in client.read(topic, queue=queue, count=3)] == [queue, queue + 4, queue + 8]


def test_eight_producers_at_once(server, client, topic):
    client.made_topic(topic, queues=2)
    acknowledged, failures = [], []

    def produce(number):
        try:
            with Client(server.broker) as own:
                for i in range(100):
                    body = f"{number}-{i}"
                    queue, offset, position = own.sent(topic, body.encode(), queue=i % 2)
                    acknowledged.append((queue, offset, position, body))
        except Exception as error:  # told to the test below
            failures.append(error)

    threads = [threading.Thread(target=produce, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(acknowledged) == 800 == len({position for _, _, position, _ in acknowledged})
    for queue in range(2):
        found = {m.offset: m.body.decode() for m in client.read(topic, queue=queue, count=400)}
        assert sorted(found) == list(range(400))
        assert found == {offset: body for at, offset, _, body in acknowledged if at == queue}


def test_each_producers_order_is_kept(client, topic):
    client.made_topic(topic, queues=1)
    for i in range(100):
        client.sent(topic, f"{i}".encode())
    assert [int(message.body) for message in client.read(topic, count=100)] == list(range(100))
