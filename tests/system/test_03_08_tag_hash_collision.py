# SPDX-License-Identifier: Apache-2.0
"""Tags with equal Java hashes are told apart: the string decides, not the hash."""
import codec
import pytest

pytestmark = pytest.mark.ours


def test_the_pair_does_collide():
    assert codec.java_hash("Aa") == codec.java_hash("BB") == 2112
    assert codec.java_hash("AaAa") == codec.java_hash("BBBB") == codec.java_hash("AaBB")


@pytest.mark.parametrize("mine,other", [("Aa", "BB"), ("BB", "Aa"), ("AaAa", "BBBB"), ("AaBB", "BBAa")])
def test_only_the_exact_tag_comes(client, topic, mine, other):
    client.sent(topic, b"other", props={"TAGS": other})
    client.sent(topic, b"mine", props={"TAGS": mine})
    answer = client.pull(topic, expression=mine)
    assert [message.body for message in codec.decode_messages(answer.body)] == [b"mine"]
    only_other = client.pull(topic, expression=mine, most=1)
    assert [message.body for message in codec.decode_messages(only_other.body)] in ([], [b"mine"])


def test_by_the_subscription_of_a_heartbeat(client, topic, group):
    client.sent(topic, b"other", props={"TAGS": "BB"})
    client.sent(topic, b"mine", props={"TAGS": "Aa"})
    client.beat("c1", group, [codec.subscription(topic, "Aa")])
    answer = client.pull(topic, group=group, expression=None)
    assert [message.body for message in codec.decode_messages(answer.body)] == [b"mine"]


def test_a_colliding_arrival_gives_nothing(client, topic):
    client.made_topic(topic)
    held = client.begin_pull(topic, expression="Aa", hold_ms=1500)
    client.sent(topic, b"other", props={"TAGS": "BB"})
    answer = client.finish(held)
    assert answer.code in (codec.PULL_NOTHING, codec.PULL_AGAIN)
    assert answer.body == b""
