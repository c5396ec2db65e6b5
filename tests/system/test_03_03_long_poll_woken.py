# SPDX-License-Identifier: Apache-2.0
"""A held pull is answered by the arrival of a message, long before its time is over."""
import codec
from client import wait_until


def test_woken_by_a_send(server, client, connect, topic):
    client.made_topic(topic)
    held = client.begin_pull(topic)
    other = connect(server.broker)
    assert other.max_offset(topic) == 0
    assert not client.is_answered(held)
    other.sent(topic, b"arrival")
    answer = client.finish(held)
    assert answer.code == codec.OK
    assert codec.decode_messages(answer.body)[0].body == b"arrival"


def test_woken_by_a_batch_and_by_one_way(client, topic):
    client.made_topic(topic)
    for offset, send in enumerate((lambda: client.send_batch(topic, [(b"x", {})]),
                                   lambda: client.post(codec.SEND_V2, client.send_ext(topic), b"x"))):
        held = client.begin_pull(topic, offset=offset)
        send()
        assert client.finish(held).code == codec.OK


def test_another_queue_does_not_wake(client, topic):
    client.made_topic(topic)
    held = client.begin_pull(topic, queue=0)
    client.sent(topic, queue=1)
    client.next(topic, queue=1)
    assert not client.is_answered(held)
    client.sent(topic, queue=0)
    assert client.finish(held).code == codec.OK


def test_all_who_wait_are_woken(server, client, connect, topic):
    """Every group, and every instance of a broadcasting group, waits for itself."""
    client.made_topic(topic)
    waiting = [connect(server.broker) for _ in range(20)]
    held = [one.begin_pull(topic, group=f"g{i % 5}") for i, one in enumerate(waiting)]
    client.sent(topic, b"for all")
    for one, opaque in zip(waiting, held):
        assert codec.decode_messages(one.finish(opaque).body)[0].body == b"for all"


def test_hundreds_of_queues_held_on_one_connection(client, topic):
    client.made_topic(topic, queues=300)
    held = [client.begin_pull(topic, queue=queue) for queue in range(300)]
    for queue in reversed(range(300)):
        client.sent(topic, f"{queue}".encode(), queue=queue)
    for queue, opaque in enumerate(held):
        assert codec.decode_messages(client.finish(opaque).body)[0].body == f"{queue}".encode()


def test_holders_that_went_away_harm_nobody(server, client, connect, topic):
    client.made_topic(topic)
    for _ in range(30):
        gone = connect(server.broker)
        gone.begin_pull(topic)
        gone.close()
    held = client.begin_pull(topic)
    client.sent(topic, b"still here")
    assert client.finish(held).code == codec.OK
    wait_until(lambda: client.pull(topic).code == codec.OK)
