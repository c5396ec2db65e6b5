# SPDX-License-Identifier: Apache-2.0
"""One-way sends are stored like any other; C++ forgets the one-way bit, an answer does it no harm."""
import codec


def test_a_hundred_one_way_sends(client, topic):
    client.made_topic(topic, queues=1)
    for i in range(100):
        client.post(codec.SEND_V2, client.send_ext(topic), f"{i}".encode())
    assert sorted(int(m.body) for m in client.read(topic, count=100)) == list(range(100))
    assert not client.strays


def test_one_way_send_makes_the_topic(client, topic):
    client.post(codec.SEND_V2, client.send_ext(topic), b"first")
    client.sent(topic, b"second")
    assert {message.body for message in client.read(topic, count=2)} == {b"first", b"second"}


def test_one_way_batch(client, topic):
    client.made_topic(topic)
    client.post(codec.SEND_BATCH, client.send_ext(topic, m="true"), codec.encode_batch([(b"1", {}), (b"2", {})]))
    assert [message.body for message in client.read(topic, count=2)] == [b"1", b"2"]


def test_flag_zero_is_answered(client, topic):
    assert client.send(topic).code == codec.OK
