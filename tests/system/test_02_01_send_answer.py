# SPDX-License-Identifier: Apache-2.0
"""The answer to a send: message id, queue, offset, region and trace switch."""
import codec
import pytest
from client import Client


def v1_ext(client, topic, **more):
    names = {"a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId",
             "f": "sysFlag", "g": "bornTimestamp", "h": "flag", "i": "properties", "j": "reconsumeTimes",
             "k": "unitMode", "m": "batch"}
    return {names[letter]: value for letter, value in client.send_ext(topic, **more).items()}


def check(client, server, answer, topic, queue, offset):
    assert answer.code == codec.OK
    assert (int(answer.ext["queueId"]), int(answer.ext["queueOffset"])) == (queue, offset)
    assert (answer.ext["MSG_REGION"], answer.ext["TRACE_ON"]) == ("DefaultRegion", "true")
    host, port, position = codec.parse_message_id(answer.ext["msgId"])
    assert len(answer.ext["msgId"]) == 32
    assert f"{host}:{port}" == server.broker  # Java and C++ producers decode it
    assert client.next(topic, offset, queue).position == position


def test_send_v2(client, server, topic):
    for offset in range(3):
        answer = client.send(topic, b"x", 2, {"UNIQ_KEY": "7F0000010001"})
        check(client, server, answer, topic, 2, offset)


def test_send_v1(client, server, topic):
    for offset in range(3):
        ext = v1_ext(client, topic, queue=1, props={"UNIQ_KEY": "7F0000010001"})
        check(client, server, client.call(codec.SEND, ext, b"x"), topic, 1, offset)


@pytest.mark.ours
def test_what_was_acknowledged_can_be_pulled_at_once(server, topic):
    with Client(server.broker) as producer, Client(server.broker) as consumer:
        for offset in range(200):
            producer.sent(topic, f"{offset}".encode())
            message, = codec.decode_messages(consumer.pull(topic, offset).body)
            assert message.body == f"{offset}".encode()
