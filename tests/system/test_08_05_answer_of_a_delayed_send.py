# SPDX-License-Identifier: Apache-2.0
"""A delayed send is answered like any other; its id finds the message before and after delivery."""
import codec
import pytest

FLAGS = ("--message-delay-level", "700ms")
pytestmark = pytest.mark.ours


@pytest.mark.parametrize("props", [{"DELAY": "1"}, {"TIMER_DELAY_MS": "700"}], ids=["level", "timer"])
def test_answer_and_look_up(client, topic, props):
    answer = client.send(topic, b"delayed", 2, {**props, "KEYS": "k"})
    assert answer.code == codec.OK
    assert answer.ext["queueOffset"].isdigit() and answer.ext["queueId"].isdigit()
    position = codec.parse_message_id(answer.ext["msgId"])[2]
    assert codec.decode_message(client.view(position).body).body == b"delayed"
    delivered = client.next(topic, queue=2)
    assert delivered.body == b"delayed"
    assert codec.decode_message(client.view(delivered.position).body).offset == 0
    assert codec.decode_message(client.view(position).body).body == b"delayed"


def test_delayed_message_waits_for_its_topic_made_by_the_send(client, topic, names):
    client.sent(topic, props={"TIMER_DELAY_MS": "300"})
    assert names.route(topic).code == codec.OK
    assert client.next(topic).offset == 0
