# SPDX-License-Identifier: Apache-2.0
"""When all that is new is filtered away the offset moves on (code 20), nothing is looked through twice."""
import codec
import pytest


def test_all_filtered(client, topic):
    for _ in range(5):
        client.sent(topic, props={"TAGS": "other"})
    client.read(topic, count=5)
    answer = client.pull(topic, expression="mine")
    assert (answer.code, answer.ext["nextBeginOffset"], answer.ext["maxOffset"]) == (codec.PULL_AGAIN, "5", "5")


@pytest.mark.ours
def test_a_filtered_arrival_does_not_answer_with_messages(client, topic):
    client.made_topic(topic)
    held = client.begin_pull(topic, expression="mine")
    client.sent(topic, b"not mine", props={"TAGS": "other"})
    client.sent(topic, b"mine", props={"TAGS": "mine"})
    answer = client.finish(held)
    while answer.code == codec.PULL_AGAIN:  # told to skip what was filtered
        answer = client.pull(topic, offset=int(answer.ext["nextBeginOffset"]), expression="mine", hold_ms=20000)
    message, = codec.decode_messages(answer.body)
    assert (message.body, message.offset) == (b"mine", 1)


def test_many_filtered_before_one_that_matches(client, topic):
    client.made_topic(topic, queues=1)
    client.send_batch(topic, [(b"x", {"TAGS": "other"})] * 500)
    client.sent(topic, b"needle", props={"TAGS": "mine"})
    client.read(topic, count=501)
    offset, answers = 0, 0
    while True:
        answer = client.pull(topic, offset=offset, expression="mine")
        answers += 1
        following = int(answer.ext["nextBeginOffset"])
        assert following > offset
        offset = following
        if answer.code == codec.OK:
            break
        assert answer.code == codec.PULL_AGAIN
    assert [message.body for message in codec.decode_messages(answer.body)] == [b"needle"]
    assert answers <= 30
