# SPDX-License-Identifier: Apache-2.0
"""A pull that finds something: messages in order, where to go on, the queue's bounds."""
import codec


def test_answer_of_a_pull(client, topic):
    for i in range(10):
        client.sent(topic, f"{i}".encode())
    client.read(topic, count=10)
    answer = client.pull(topic, offset=3)
    assert answer.code == codec.OK
    assert answer.ext["suggestWhichBrokerId"] == "0"
    assert [answer.ext[name] for name in ("nextBeginOffset", "minOffset", "maxOffset")] == ["10", "0", "10"]
    assert [message.offset for message in codec.decode_messages(answer.body)] == list(range(3, 10))


def test_no_more_than_asked(client, topic):
    for i in range(10):
        client.sent(topic, f"{i}".encode())
    client.read(topic, count=10)
    answer = client.pull(topic, offset=2, most=3)
    assert [message.offset for message in codec.decode_messages(answer.body)] == [2, 3, 4]
    assert answer.ext["nextBeginOffset"] == "5"


def test_large_messages_come_in_several_answers(client, topic):
    client.made_topic(topic, queues=1)
    for i in range(16):
        client.sent(topic, bytes([i]) * 100000)
    client.read(topic, count=16)
    answer = client.pull(topic)
    found = codec.decode_messages(answer.body)
    assert 1 <= len(found) < 16
    assert len(answer.body) <= 512 * 1024
    assert answer.ext["nextBeginOffset"] == str(len(found))
    assert [message.body[0] for message in client.read(topic)] == list(range(16))


def test_max_msg_bytes_of_5_x(client, topic):
    client.made_topic(topic, queues=1)
    for i in range(4):
        client.sent(topic, bytes([i]) * 1000)
    client.read(topic, count=4)
    answer = client.pull(topic, maxMsgBytes=1)
    assert answer.code == codec.OK
    assert len(codec.decode_messages(answer.body)) >= 1  # never stuck before a message larger than the limit
