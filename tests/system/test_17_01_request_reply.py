# SPDX-License-Identifier: Apache-2.0
"""Request and reply: a message asks, its consumer answers, and the answer is pushed to the client that asked."""
import codec
import pytest

REPLY, REPLY_V2, PUSHED = 324, 325, 326


def reply_ext(client, short, **properties):
    ext = client.send_ext("DefaultCluster_REPLY_TOPIC", props=properties)
    if short:
        return ext
    names = {"a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId",
             "f": "sysFlag", "g": "bornTimestamp", "h": "flag", "i": "properties", "j": "reconsumeTimes",
             "k": "unitMode", "m": "batch"}
    return {names[key]: value for key, value in ext.items() if key in names}


@pytest.mark.parametrize("code", [REPLY, REPLY_V2])
def test_reply_comes_to_who_asked(client, server, connect, topic, code):
    asker = connect(server.broker)
    asker.beat("asker@1", producers=["asking"])
    client.made_topic(topic, queues=1)
    asker.sent(topic, b"how much?", props={"REPLY_TO_CLIENT": "asker@1", "CORRELATION_ID": "c7", "MSG_TYPE": "request"})
    request = client.next(topic)
    assert request.properties["CLUSTER"] == "DefaultCluster"  # names the topic of the reply
    answer = client.call(code, reply_ext(client, code == REPLY_V2, REPLY_TO_CLIENT="asker@1", CORRELATION_ID="c7"), b"5")
    assert (answer.code, answer.ext["msgId"], answer.ext["queueOffset"]) == (codec.OK, "0", "0")
    push = asker.wait_pushed(PUSHED)
    assert push.body == b"5"
    properties = codec.properties_of(push.ext["properties"])
    assert properties["CORRELATION_ID"] == "c7" and properties["PUSH_REPLY_TIME"].isdigit()
    for field in ("producerGroup", "topic", "queueId", "sysFlag", "bornTimestamp", "flag", "bornHost", "storeHost",
                  "storeTimestamp"):
        assert push.ext[field] != "", field
    assert client.route("DefaultCluster_REPLY_TOPIC").code == codec.NO_TOPIC  # not stored


def test_ordinary_messages_get_no_cluster(client, topic):
    client.sent(topic)
    assert "CLUSTER" not in client.next(topic).properties


def test_nobody_to_reply_to(client):
    answer = client.call(REPLY_V2, reply_ext(client, True, REPLY_TO_CLIENT="gone@1"), b"5")
    assert answer.code == codec.SYSTEM_ERROR and "gone@1" in answer.remark
    answer = client.call(REPLY_V2, reply_ext(client, True), b"5")
    assert answer.code == codec.SYSTEM_ERROR and "REPLY_TO_CLIENT" in answer.remark
